using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>One partition's progress, for metrics and readiness. Written by the task, read by anyone.</summary>
public sealed class SinkStatus(int partition, long offset)
{
    private readonly Lock _lock = new();

    public int Partition { get; } = partition;

    /// <summary>The group's offset: everything below is in the ledger.</summary>
    public long Committed { get; private set; } = offset;

    /// <summary>The last block that arrived, or the offset before the first.</summary>
    public long LastArrived { get; private set; } = offset - 1;

    public long InsertedRows { get; private set; }

    public long InsertedBlocks { get; private set; }

    public long Plans { get; private set; }

    public DateTimeOffset? LastProgressAt { get; private set; }

    /// <summary>Since when blocks have waited without an acknowledgement; null when nothing waits.</summary>
    public DateTimeOffset? BehindSince { get; private set; }

    /// <summary>When the broker took the oldest block that arrived and is not acknowledged; null when none waits.</summary>
    public DateTimeOffset? OldestWaiting { get; private set; }

    /// <summary>The partition's high watermark, as the consumer last knew it; -1 before it does.</summary>
    public long HighWatermark { get; private set; } = -1;

    /// <summary>Records between the group's offset and the high watermark, markers included. 0 when only markers lie between (R14).</summary>
    public long Lag => LastArrived < Committed && EndReached >= HighWatermark ? 0 : Math.Max(0, Math.Max(HighWatermark, LastArrived + 1) - Committed);

    /// <summary>What the task waits for, or why it has stopped; null when it goes on.</summary>
    public string? Problem { get; private set; }

    public bool IsStopped { get; private set; }

    /// <summary>The group refused its commit: the task has ended, and begins anew unless the partition is given away.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>The consumer has been at the partition's end, its markers passed, up to this offset.</summary>
    public long EndReached { get; private set; } = -1;

    /// <summary>True when all that was there when the consumer last looked is in the ledger.</summary>
    public bool IsCaughtUp => EndReached > LastArrived && LastArrived < Committed;

    /// <summary>A plan of it is committed and not acknowledged: its insert is under way, or to be repeated.</summary>
    public bool IsInserting { get; private set; }

    internal void Planned()
    {
        lock (_lock)
            IsInserting = true;
    }

    internal void ReachedEnd(long offset)
    {
        lock (_lock)
            EndReached = offset;
    }

    internal void Knows(long highWatermark)
    {
        lock (_lock)
            HighWatermark = Math.Max(HighWatermark, highWatermark);
    }

    internal void Arrived(MeteredBlock block, DateTimeOffset appendedAt, DateTimeOffset now)
    {
        lock (_lock)
        {
            LastArrived = block.Offset;
            BehindSince ??= now;
            OldestWaiting ??= appendedAt;
        }
    }

    /// <param name="committed">The group's offset now.</param>
    /// <param name="blocks">What was inserted.</param>
    /// <param name="oldestWaiting">When the broker took the next block; null when none waits.</param>
    /// <param name="now">The moment.</param>
    internal void Acknowledged(long committed, List<MeteredBlock> blocks, DateTimeOffset? oldestWaiting, DateTimeOffset now)
    {
        lock (_lock)
        {
            Committed = committed;
            foreach (var block in blocks)
                InsertedRows += block.Rows;
            InsertedBlocks += blocks.Count;
            Plans++;
            IsInserting = false;
            LastProgressAt = now;
            BehindSince = LastArrived >= committed ? now : null;
            // A block that arrived since the caller looked is the oldest there is.
            OldestWaiting = LastArrived >= committed ? oldestWaiting ?? OldestWaiting : null;
            Problem = null;
        }
    }

    internal void Waiting(string problem)
    {
        lock (_lock)
            Problem = problem;
    }

    internal void Fenced()
    {
        lock (_lock)
            (IsFenced, IsInserting) = (true, false);
    }

    /// <summary>The partition was given back: what waits in it is another's to insert, and no lag of this process.</summary>
    internal void Ended()
    {
        lock (_lock)
        {
            (BehindSince, OldestWaiting, Problem, IsInserting) = (null, null, null, false);
            (IsStopped, IsFenced) = (false, false);
            (LastArrived, HighWatermark) = (Committed - 1, Committed);
        }
    }

    internal void Stopped(string problem)
    {
        lock (_lock)
        {
            Problem = problem;
            IsStopped = true;
        }
    }
}
