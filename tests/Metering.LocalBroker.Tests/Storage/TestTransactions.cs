using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>Stands for the rooms of transactions and offsets: the end of a transaction is one entry, with its markers and a number that commits
/// with them.</summary>
internal sealed class TestTransactions(BrokerState state) : IJournaled
{
    /// <summary>Of the last transaction that was committed.</summary>
    public long Committed { get; private set; }

    /// <summary>Under the gate.</summary>
    public long End(long producerId, short epoch, bool commit, long nowMs, long number, params (string Topic, int Partition)[] partitions)
    {
        var entry = new EntryWriter().Int64(producerId).Int16(epoch).Bool(commit).Int64(nowMs).Int64(number).Int32(partitions.Length);
        foreach (var (topic, partition) in partitions)
            entry.String(topic).Int32(partition);
        var last = state.Journal.Append(EntryKind.EndTransaction, entry.Written);
        Apply(EntryKind.EndTransaction, entry.Written);
        return last;
    }

    public bool Owns(EntryKind kind) => kind == EntryKind.EndTransaction;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        EntryReader entry = new(payload);
        var (producerId, epoch, commit, nowMs, number) = (entry.Int64(), entry.Int16(), entry.Bool(), entry.Int64(), entry.Int64());
        for (var count = entry.Int32(); count > 0; count--)
            state.Topics.Find(entry.String()!, entry.Int32())!.ApplyMarker(producerId, epoch, commit, nowMs);
        if (commit)
            Committed = number;
    }

    public byte[] Save() => new EntryWriter().Int64(Committed).ToArray();

    public void Load(ReadOnlySpan<byte> saved) => Committed = new EntryReader(saved).Int64();
}
