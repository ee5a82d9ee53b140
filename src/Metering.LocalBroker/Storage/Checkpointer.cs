using System.Diagnostics;
using Metering.LocalBroker.Log;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>Makes checkpoints while the broker works. One at a time.</summary>
internal sealed class Checkpointer(IFiles files, StoreFolders folders, ILogger logger)
{
    /// <exception cref="IOException">The disk failed; the old checkpoint holds. If segments could not be synced, the state is recovered.</exception>
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
        try
        {
            Sync(segments, mark.Written);
        }
        catch (IOException failure)
        {
            // What the system holds of these segments is not known any more: the journal has it.
            state.Journal.Fail(failure);
            throw;
        }
        // Behind a clean end the journal goes on in a file of its own.
        var position = isClean ? mark.Position with { Sequence = mark.Position.Sequence + 1, Offset = JournalFormat.FileHeaderBytes } : mark.Position;
        var bytes = new Checkpoint(state.ClusterId, entry, position, isClean, rooms).Write(files, folders.State);
        state.Journal.Recycle(mark.Position);
        StorageLog.Checkpoint(logger, entry, bytes, mark.Written.Count, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>Makes what was written to segments durable, and their names.</summary>
    public static void Sync(SegmentFiles segments, IReadOnlyCollection<Segment> written)
    {
        HashSet<PartitionLog> logs = [];
        foreach (var segment in written)
        {
            if (segment.IsRemoved)
                continue;
            segments.Sync(segment);
            logs.Add(segment.Log);
        }
        segments.SyncNames(logs);
    }
}
