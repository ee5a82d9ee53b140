using System.Collections.Concurrent;

namespace Metering.Kafka.Tasks.Side;

/// <summary>What the reader of the side inputs has for one task: one writer, the reader; one reader, the task.</summary>
/// <param name="Partition">The task's.</param>
/// <param name="From">Where each topic goes on; a topic without an entry begins at its oldest record.</param>
/// <param name="Wake">Wakes the task.</param>
internal sealed record SideQueue(int Partition, IReadOnlyDictionary<string, long> From, Action Wake)
{
    /// <summary>The partition is paused beyond this many, and goes on at half of it.</summary>
    private const int MaxRecords = 4_096;

    private readonly ConcurrentQueue<SideRecord> _records = new();

    public bool IsFull => _records.Count >= MaxRecords;

    public bool IsDrained => _records.Count <= MaxRecords / 2;

    public void Add(SideRecord record)
    {
        _records.Enqueue(record);
        Wake();
    }

    public bool TryTake(out SideRecord? record) => _records.TryDequeue(out record);
}
