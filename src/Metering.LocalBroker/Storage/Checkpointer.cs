using System.Diagnostics;
using Metering.LocalBroker.Log;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>Makes checkpoints while the broker works. One at a time.</summary>
internal sealed class Checkpointer(IFiles files, StoreFolders folders, ILogger logger)
{
    /// <exception cref="IOException">The disk failed; the old checkpoint holds.</exception>
    public async Task RunAsync(BrokerState state, SegmentFiles segments, bool isClean)
    {
        var started = Stopwatch.GetTimestamp();
        Task<CheckpointMark> reached;
        IReadOnlyList<byte[]> rooms;
        long entry;
        lock (state.Gate)
        {
            rooms = state.Save();
            entry = state.Journal.Last;
            reached = state.Journal.MarkAsync();
        }
        var mark = await reached;
        Sync(files, folders, segments, mark.Written);
        // Behind a clean end the journal goes on in a file of its own.
        var position = isClean ? mark.Position with { Sequence = mark.Position.Sequence + 1, Offset = JournalFormat.FileHeaderBytes } : mark.Position;
        var bytes = new Checkpoint(state.ClusterId, entry, position, isClean, rooms).Write(files, folders.State);
        state.Journal.Recycle(mark.Position);
        StorageLog.Checkpoint(logger, entry, bytes, mark.Written.Count, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>Makes what was written to segments durable, and their names.</summary>
    public static void Sync(IFiles files, StoreFolders folders, SegmentFiles segments, IReadOnlyCollection<Segment> written)
    {
        HashSet<PartitionLog> logs = [];
        foreach (var segment in written)
        {
            if (segment.IsRemoved)
                continue;
            segments.Sync(segment);
            logs.Add(segment.Log);
        }
        foreach (var log in logs)
        {
            if (!log.IsDeleted)
                files.SyncFolder(segments.FolderOf(log));
        }
        files.SyncFolder(folders.Logs);
    }
}
