using System.Diagnostics;
using System.Text;
using Confluent.Kafka;

namespace Metering.Kafka.Native;

/// <summary>
/// A group's committed offset together with its metadata, which Confluent.Kafka can neither write nor read: SINK keeps its
/// open plan there (R17). Both calls go out on the consumer's own handle, so the group fences them by member and generation.
/// They block their thread for one round trip and may be called from any thread.
/// </summary>
public static unsafe class OffsetMetadata
{
    /// <summary>What a broker takes by default (<c>offset.metadata.max.bytes</c>), in UTF-8 bytes.</summary>
    public const int MaxBytes = 4096;

    /// <summary>How long <see cref="Commit"/> goes on while the group has no coordinator that answers for it. Who can wait longer calls
    /// again: between the calls it hears that the partition is gone, and a rebalance waits for that.</summary>
    public static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Commits <paramref name="offset"/> (the next one to read) and its metadata, and waits for the broker's answer.
    /// A caller that depends on how old its success is (R20) takes the time before the call.</summary>
    /// <exception cref="ArgumentException">The metadata is longer than <see cref="MaxBytes"/>, or the offset is negative.</exception>
    /// <exception cref="KafkaException">The commit was refused or its outcome is unknown; <see cref="KafkaException.Error"/> says which.</exception>
    public static void Commit(IClient consumer, string topic, int partition, long offset, string metadata)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var bytes = Encoding.UTF8.GetBytes(metadata);
        if (bytes.Length > MaxBytes)
            throw new ArgumentException($"The metadata has {bytes.Length} bytes, a broker takes {MaxBytes}.", nameof(metadata));
        fixed (byte* pinned = bytes)
        {
            // The list would free what Metadata points at: librdkafka copies it, and it is taken back before the list goes.
            var text = pinned;
            WithEntry(consumer, topic, partition, (handle, list, entry) =>
            {
                entry->Offset = offset;
                entry->Metadata = text;
                entry->MetadataBytes = (nuint)bytes.Length;
                var error = Retry(CommitPatience, () =>
                {
                    entry->Error = ErrorCode.NoError;
                    var answer = Librdkafka.Commit(handle, list, isAsync: 0);
                    return answer == ErrorCode.NoError ? entry->Error : answer;
                });
                entry->Metadata = null;
                entry->MetadataBytes = 0;
                Check(error, "commit of", topic, partition);
                return true;
            });
        }
    }

    /// <summary>Reads the group's stable committed offset and its metadata; offset null when there is none.</summary>
    /// <exception cref="KafkaException">The group did not answer in time, or refused.</exception>
    public static (long? Offset, string Metadata) Committed(IClient consumer, string topic, int partition, TimeSpan timeout) =>
        WithEntry(consumer, topic, partition, (handle, list, entry) =>
        {
            var error = Retry(timeout, () =>
            {
                entry->Error = ErrorCode.NoError;
                var answer = Librdkafka.Committed(handle, list, (int)timeout.TotalMilliseconds);
                return answer == ErrorCode.NoError ? entry->Error : answer;
            });
            Check(error, "read of", topic, partition);
            long? offset = entry->Offset >= 0 ? entry->Offset : null;
            var metadata = entry->Metadata is null ? "" : Encoding.UTF8.GetString(entry->Metadata, checked((int)entry->MetadataBytes));
            return (offset, metadata);
        });

    // A coordinator that moves or loads has done nothing yet: asking again is safe, for a commit too.
    private static ErrorCode Retry(TimeSpan patience, Func<ErrorCode> call)
    {
        using var never = new ManualResetEventSlim();
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var error = call();
            if (error is not (ErrorCode.NotCoordinatorForGroup or ErrorCode.GroupCoordinatorNotAvailable or ErrorCode.GroupLoadInProgress or ErrorCode.Local_WaitCoord)
                || Stopwatch.GetElapsedTime(start) >= patience)
            {
                return error;
            }
            never.Wait(Pause);
        }
    }

    private delegate T EntryCall<out T>(nint handle, nint list, Librdkafka.TopicPartitionEntry* entry);

    private static T WithEntry<T>(IClient consumer, string topic, int partition, EntryCall<T> call)
    {
        var safe = Librdkafka.HandleOf(consumer);
        var held = false;
        nint list = 0;
        try
        {
            safe.DangerousAddRef(ref held);
            list = Librdkafka.NewList(1);
            var entry = Librdkafka.Add(list, topic, partition);
            return call(safe.DangerousGetHandle(), list, entry);
        }
        finally
        {
            if (list != 0)
                Librdkafka.DestroyList(list);
            if (held)
                safe.DangerousRelease();
        }
    }

    private static void Check(ErrorCode error, string what, string topic, int partition)
    {
        if (error != ErrorCode.NoError)
            throw new KafkaException(new Error(error, $"{what} the group's offset of {topic} [{partition}] failed: {error} ({error.GetReason()})"));
    }
}
