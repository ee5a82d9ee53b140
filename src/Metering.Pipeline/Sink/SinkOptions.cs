namespace Metering.Pipeline.Sink;

/// <summary>How SINK batches and waits.</summary>
public sealed record SinkOptions
{
    /// <summary>A partition inserts what it has once its oldest block has waited this long. Default 500 ms: a small insert
    /// costs the engine some 15 ms of CPU whatever it holds, so that 8 partitions at 200 ms took 0.6 of a core at 1,000
    /// events/s.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Or at once when this many bytes wait. Default 24 MB, well below the size at which an insert would be
    /// written in two parts (R17).</summary>
    public long MaxPlanBytes { get; init; } = 24 << 20;

    /// <summary>Or this many rows. Default 400,000.</summary>
    public long MaxPlanRows { get; init; } = 400_000;

    /// <summary>A partition is paused when this many bytes wait for their insert. Default 48 MB.</summary>
    public long MaxBufferedBytes { get; init; } = 48 << 20;

    /// <summary>The consumer group's session timeout. An insert starts only when its plan was committed less than half of
    /// it ago (R20). Default 10 s.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>An insert that takes longer is given up and resolved by counting. Default 60 s, below max.poll.interval.ms.</summary>
    public TimeSpan InsertDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Blocks are deleted from the topic this long behind the commit (R13). Default 2 days.</summary>
    public TimeSpan KeepBlocks { get; init; } = TimeSpan.FromDays(2);

    /// <summary>Takes over a ledger that another cluster has filled (R18). Default false.</summary>
    public bool Adopt { get; init; }
}
