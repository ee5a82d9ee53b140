using Metering.Kafka.Tasks;
using Metering.Simulation.World;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Simulation.Kafka;

/// <summary>
/// As much of Kafka as the rules rest on: logs with transactions, producers fenced by epoch, transactions that time out,
/// offsets that commit with a transaction (METER) or by a member of the current generation (SINK). Virtual time.
/// </summary>
internal sealed class SimKafka(int partitions, FakeTimeProvider time)
{
    private static readonly TimeSpan TransactionTimeout = TimeSpan.FromSeconds(10);

    private readonly SimProducer?[] _producers = new SimProducer?[partitions];

    public SimLog[] Input { get; } = Logs(partitions);

    public SimLog[] Changelog { get; } = Logs(partitions);

    public SimLog[] Blocks { get; } = Logs(partitions);

    public SimLog DeadLetters { get; } = new();

    public SimLog UsageDeltas { get; } = new();

    public SimLog Signals { get; } = new();

    /// <summary>METER's committed offset of each partition.</summary>
    public long[] MeterOffsets { get; } = new long[partitions];

    /// <summary>SINK's committed offset and metadata of each partition.</summary>
    public (long Offset, string Metadata)[] SinkOffsets { get; } = [.. Enumerable.Repeat((0L, ""), partitions)];

    /// <summary>Who owns a partition in SINK's group now; a commit of an older generation is refused.</summary>
    public int[] SinkGenerations { get; } = new int[partitions];

    public long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What a committed transaction brought; asked for invariants.</summary>
    public Action<int, SimTransaction>? Committed { get; set; }

    /// <summary>InitTransactions: aborts what the last producer of this task left open, and fences it.</summary>
    public SimProducer Init(int partition)
    {
        _producers[partition]?.Fence();
        return _producers[partition] = new SimProducer(this, partition);
    }

    /// <summary>The coordinator aborts what has been open for too long, and fences its producer.</summary>
    public void TimeOut()
    {
        foreach (var producer in _producers)
        {
            if (producer?.Open is { } open && time.GetUtcNow() - open.BegunAt > TransactionTimeout)
                producer.Fence();
        }
    }

    public void CommitMeter(int partition, SimTransaction transaction)
    {
        Violation.Unless(transaction.InputOffset is not null, "R8 a transaction without its input's offset");
        Violation.Unless(transaction.InputOffset >= MeterOffsets[partition], $"R9 METER's offset of {partition} goes back from {MeterOffsets[partition]} to {transaction.InputOffset}");
        MeterOffsets[partition] = transaction.InputOffset!.Value;
        transaction.End(TransactionState.Committed, NowMs);
        Committed?.Invoke(partition, transaction);
    }

    public DateTimeOffset Now => time.GetUtcNow();

    private static SimLog[] Logs(int count) => [.. Enumerable.Range(0, count).Select(_ => new SimLog())];
}

/// <summary>A transactional producer with its epoch.</summary>
internal sealed class SimProducer(SimKafka kafka, int partition)
{
    private bool _isFenced;

    public SimTransaction? Open { get; private set; }

    public void Fence()
    {
        _isFenced = true;
        Open?.End(TransactionState.Aborted, kafka.NowMs);
        Open = null;
    }

    public void Begin()
    {
        Check();
        Open = new SimTransaction(kafka.Now);
    }

    public void Send(SimLog log, byte[] key, byte[] value, RecordHeader[] headers)
    {
        Check();
        log.Append(key, value, headers, kafka.NowMs, Open!);
    }

    public void SendOffset(long offset)
    {
        Check();
        Open!.InputOffset = offset;
    }

    public void Commit()
    {
        Check();
        var open = Open!;
        Open = null;
        kafka.CommitMeter(partition, open);
    }

    private void Check()
    {
        if (_isFenced)
            throw new SimFencedException();
    }
}
