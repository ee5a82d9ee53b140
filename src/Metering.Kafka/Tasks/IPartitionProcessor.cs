namespace Metering.Kafka.Tasks;

/// <summary>
/// A stage's work on one partition: pure, single-threaded, no I/O and no clock of its own, so that the same processor
/// runs in a test, in a simulation or under another host (Streamiz.Kafka.Net, say).
/// The host calls Restore for each changelog record, then Process for each input record in offset order, and OnCommit
/// once an interval; what OnCommit sends and saves goes into one transaction with the input's offset.
/// When a transaction is lost the host drops the processor and builds a new one from the changelog (R11).
/// </summary>
public interface IPartitionProcessor
{
    /// <summary>Takes one record of the changelog; an empty value is a tombstone. Called before the first Process.</summary>
    void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Takes one input record. On <see cref="ProcessResult.Wait"/> nothing was taken: the host awaits what
    /// the stage waits for (<see cref="TaskOptions.WaitAsync"/>) and passes the same record again (R16).</summary>
    ProcessResult Process(in InputRecord record);

    /// <summary>Takes one record of a side input (<see cref="TaskOptions.SideTopics"/>), in offset order per topic.</summary>
    void ProcessSide(string topic, in InputRecord record) => throw new NotSupportedException($"This processor takes nothing from {topic}.");

    /// <summary>True when the interval's output should be committed now, before the interval ends (its output is full).</summary>
    bool WantsCommit { get; }

    /// <summary>Asked now and then while nothing came: true when something is still to be sent (a report that was held
    /// back, say), so that the host commits without input.</summary>
    bool IsIdleCommitDue(DateTimeOffset now) => false;

    /// <summary>Sends the interval's output and saves the changed state. <paramref name="now"/> is the host's clock.</summary>
    void OnCommit(DateTimeOffset now, ITransactionOutput output);

    /// <summary>Called right after OnCommit: hands the whole state to <paramref name="save"/>, as entries whose Restore makes a
    /// processor that is equal to one restored from the changelog. False: this processor's state is not cached.</summary>
    bool TrySaveAll(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save) => false;
}

public enum ProcessResult
{
    Taken,
    Wait,
}

/// <summary>One input record, valid during the call that bears it.</summary>
public readonly ref struct InputRecord
{
    public required int Partition { get; init; }

    public required long Offset { get; init; }

    /// <summary>The broker's LogAppendTime, Unix milliseconds.</summary>
    public required long ArrivedAtMs { get; init; }

    public required ReadOnlySpan<byte> Key { get; init; }

    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>Empty when the record has none.</summary>
    public IReadOnlyList<RecordHeader> Headers { get => field ?? HeadersOf?.HeadersAt(IndexInBatch) ?? []; init; }

    /// <summary>Whom to ask for the headers when they are not given.</summary>
    internal RecordBatch? HeadersOf { get; init; }

    internal int IndexInBatch { get; init; }
}

public readonly record struct RecordHeader(string Name, ReadOnlyMemory<byte> Value);

/// <summary>Where a processor's output goes: all of it commits together with the input's offset, or none of it.</summary>
public interface ITransactionOutput
{
    /// <summary>Sends a record. <paramref name="partition"/> null = by murmur2 of the key. An empty value is a tombstone: null on the topic,
    /// so that readers take the key back and compaction removes it.</summary>
    /// <param name="topic">Without the prefix: the host adds it.</param>
    void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null);

    /// <summary>Writes an absolute value of its key to the task's changelog (R9). An empty value is a tombstone.</summary>
    void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);
}

/// <summary>How a stage's tasks run.</summary>
public sealed record TaskOptions
{
    /// <summary>Without prefix, e.g. <c>meter</c>: group = prefix + metering-NAME, changelog = prefix + metering-NAME-changelog.</summary>
    public required string Stage { get; init; }

    /// <summary>Without prefix.</summary>
    public required string InputTopic { get; init; }

    /// <summary>Keyed like the input, without prefix: the task of partition p reads p of each, by positions in its changelog
    /// (R12). For records that state levels and are said again: what retention took is skipped. None by default.</summary>
    public IReadOnlyList<string> SideTopics { get; init; } = [];

    /// <summary>Makes the processor of a partition (the number given).</summary>
    public required Func<int, IPartitionProcessor> CreateProcessor { get; init; }

    /// <summary>Completes when what a processor waits for may have come; the host then tries again.</summary>
    public required Func<CancellationToken, Task> WaitAsync { get; init; }

    /// <summary>Takes records one by one by Confluent.Kafka's Consume, instead of by batches from the client's own memory: the
    /// fallback when a native message does not look as expected, and the reference in tests.</summary>
    public bool OneByOne { get; init; }

    /// <summary>Where tasks keep snapshots of their state, a cache for takeovers on this machine; null (the default) = nowhere.</summary>
    public string? SnapshotFolder { get; init; }

    /// <summary>How often a task with work writes one, beside the one at its clean end. Default 5 minutes.</summary>
    public TimeSpan SnapshotInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a task with work commits, 1 ms to 5 s. Default 50 ms.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(50);
}
