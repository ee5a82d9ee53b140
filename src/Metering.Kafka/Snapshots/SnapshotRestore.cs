using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Kafka.Tasks;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Snapshots;

/// <summary>
/// A takeover from a snapshot file and the changelog behind it. The file counts only if all of this holds, after the predecessor
/// was fenced and the group's offset is stable (R8): its checksum fits; the changelog has its mark, a random id, at the offset
/// that it names, so that what lies before is what the file holds; it is younger than half of delete.retention.ms, so that
/// no tombstone behind the mark is gone; and the position that results is the group's. Else it is deleted, with one line
/// in the log, and the changelog is read whole. A machine whose clock is half of delete.retention.ms (12 h) behind the
/// broker's may take an older file for a young one.
/// </summary>
internal static partial class SnapshotRestore
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="committed">The group's stable offset.</param>
    /// <returns>Null when there is no file that counts.</returns>
    public static IPartitionProcessor? TryRestore(StageContext context, int partition, long? committed, Action<long, long> tell, CancellationToken cancellationToken)
    {
        var path = TaskSnapshots.PathOf(context, partition);
        try
        {
            if (!Directory.Exists(context.Options.SnapshotFolder))
                return null;
            SnapshotFile.DeleteDrafts(path);
            return File.Exists(path) ? Restore(context, partition, path, committed, tell, cancellationToken) : null;
        }
        catch (Exception e) when (e is StaleSnapshotException or IOException or UnauthorizedAccessException)
        {
            LogThrownAway(context.Logger, partition, path, e.Message);
            Delete(context, partition, path);
            return null;
        }
    }

    private static IPartitionProcessor Restore(StageContext context, int partition, string path, long? committed, Action<long, long> tell, CancellationToken cancellationToken)
    {
        var start = context.Time.GetTimestamp();
        var processor = context.CreateProcessor(partition);
        var entries = 0L;
        var point = SnapshotFile.Read(path, TaskSnapshots.NameOf(context, partition), (key, value) =>
        {
            processor.Restore(key, value);
            entries++;
        });
        if (committed is null || point.Position > committed)
            throw new StaleSnapshotException($"it is at input offset {point.Position}, the group has committed {(committed is null ? "none" : committed.Value.ToString(CultureInfo.InvariantCulture))}");
        var tail = ChangelogReader.RestoreBehind(point, context.Settings, context.Changelog, partition, processor, tell, cancellationToken);
        CheckAge(context, tail);
        if ((tail.Position ?? point.Position) is var position && position != committed)
            throw new StaleSnapshotException($"with the changelog behind it it is at input offset {position}, the group has committed {committed}");
        LogRestored(context.Logger, partition, entries, point.MarkOffset, (long)context.Time.GetElapsedTime(start).TotalMilliseconds);
        return processor;
    }

    private static void CheckAge(StageContext context, ChangelogTail tail)
    {
        var most = TombstonesAreKept(context) / 2;
        var ageMs = Math.Max(context.Time.GetUtcNow().ToUnixTimeMilliseconds(), tail.LatestMs) - tail.MarkedAtMs;
        if (ageMs > most.TotalMilliseconds)
            throw new StaleSnapshotException($"it is {TimeSpan.FromMilliseconds(ageMs)} old, older than half of the changelog's delete.retention.ms: removals behind it may be gone");
    }

    private static TimeSpan TombstonesAreKept(StageContext context)
    {
        const string Setting = "delete.retention.ms";
        try
        {
            using var admin = new DependentAdminClientBuilder(context.Consumer.Handle).Build();
            var topic = new ConfigResource { Type = ResourceType.Topic, Name = context.Changelog };
            // The task's own thread: nothing else waits for it.
            var config = admin.DescribeConfigsAsync([topic], new() { RequestTimeout = Patience }).GetAwaiter().GetResult();
            return TimeSpan.FromMilliseconds(long.Parse(config[0].Entries[Setting].Value, CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is KafkaException or KeyNotFoundException)
        {
            throw new StaleSnapshotException($"{Setting} of {context.Changelog} cannot be read: {e.Message}", e);
        }
    }

    private static void Delete(StageContext context, int partition, string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotDeleted(context.Logger, partition, path, e.Message);
        }
    }

    [LoggerMessage(2233, LogLevel.Information, "task [{Partition}] took {Entries} entries from its snapshot and read its changelog from offset {Offset} on, in {Ms} ms")]
    private static partial void LogRestored(ILogger logger, int partition, long entries, long offset, long ms);

    [LoggerMessage(2234, LogLevel.Warning, "task [{Partition}] throws its snapshot {Path} away and reads its changelog whole: {Reason}")]
    private static partial void LogThrownAway(ILogger logger, int partition, string path, string reason);

    [LoggerMessage(2235, LogLevel.Warning, "task [{Partition}] could not delete {Path}: {Reason}")]
    private static partial void LogNotDeleted(ILogger logger, int partition, string path, string reason);
}
