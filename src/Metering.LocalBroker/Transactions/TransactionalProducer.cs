using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Transactions;

/// <summary>As Kafka names them. Ends are atomic here, so nothing is ever between Ongoing and complete.</summary>
internal enum TransactionState : byte
{
    Empty = 0,
    Ongoing = 1,
    CompleteCommit = 2,
    CompleteAbort = 3,
}

/// <summary>What is known of a transactional id: who holds it, and what its transaction has touched. Under the broker's gate.</summary>
internal sealed class TransactionalProducer(string id)
{
    /// <summary>The last epoch that a client gets is one below the greatest, so that it can still be fenced.</summary>
    private const short LastEpochGivenOut = short.MaxValue - 1;

    public string Id { get; } = id;

    public long ProducerId { get; set; } = -1;

    /// <summary>The holder's id before this one, when epochs ran out; else −1.</summary>
    public long PreviousProducerId { get; set; } = -1;

    public short Epoch { get; set; } = -1;

    /// <summary>The epoch that the holder had before it asked for this one; −1 when another took over (KIP-360: a retry of the
    /// same request must not fence its own sender).</summary>
    public short LastEpoch { get; set; } = -1;

    public int TimeoutMs { get; set; }

    public TransactionState State { get; set; }

    /// <summary>Unix ms at which the transaction began; of the last one when none is open; −1 before the first.</summary>
    public long StartedAtMs { get; set; } = -1;

    public long UpdatedAtMs { get; set; }

    /// <summary>In the order in which they were added: markers are written in it.</summary>
    public OrderedDictionary<(string Topic, int Partition), bool> Partitions { get; } = [];

    /// <summary>Groups that it may send offsets of.</summary>
    public HashSet<string> Groups { get; } = new(StringComparer.Ordinal);

    /// <summary>When the open transaction is aborted. Not part of the state: set from it.</summary>
    public Deadline? Limit { get; set; }

    public bool IsExhausted => IsExhaustedAt(Epoch);

    public static bool IsExhaustedAt(short epoch) => epoch >= LastEpochGivenOut;

    public void BeginIfNot(long nowMs)
    {
        UpdatedAtMs = nowMs;
        if (State == TransactionState.Ongoing)
            return;
        State = TransactionState.Ongoing;
        StartedAtMs = nowMs;
    }

    public void Write(EntryWriter writer)
    {
        writer.String(Id).Int64(ProducerId).Int64(PreviousProducerId).Int16(Epoch).Int16(LastEpoch).Int32(TimeoutMs)
            .Byte((byte)State).Int64(StartedAtMs).Int64(UpdatedAtMs).Int32(Partitions.Count);
        foreach (var (topic, partition) in Partitions.Keys)
            writer.String(topic).Int32(partition);
        writer.Int32(Groups.Count);
        foreach (var group in Groups)
            writer.String(group);
    }

    public static TransactionalProducer Read(ref EntryReader reader)
    {
        var producer = new TransactionalProducer(reader.String()!)
        {
            ProducerId = reader.Int64(),
            PreviousProducerId = reader.Int64(),
            Epoch = reader.Int16(),
            LastEpoch = reader.Int16(),
            TimeoutMs = reader.Int32(),
            State = (TransactionState)reader.Byte(),
            StartedAtMs = reader.Int64(),
            UpdatedAtMs = reader.Int64(),
        };
        for (var count = reader.Int32(); count > 0; count--)
            producer.Partitions[(reader.String()!, reader.Int32())] = true;
        for (var count = reader.Int32(); count > 0; count--)
            producer.Groups.Add(reader.String()!);
        return producer;
    }
}
