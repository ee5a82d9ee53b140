using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Transactions;

/// <summary>
/// The durable state of producer ids and transactions: each change is an entry, written here and applied here, now and at
/// recovery. Decides nothing. Under the broker's gate.
/// </summary>
internal sealed class TransactionTable(IJournal journal, ITransactionPartitions partitions, OffsetTable offsets)
{
    private readonly Dictionary<string, TransactionalProducer> _producers = new(StringComparer.Ordinal);
    private readonly EntryWriter _entry = new();

    public IReadOnlyCollection<TransactionalProducer> All => _producers.Values;

    /// <summary>Above all ids ever given out, so that none is given out twice.</summary>
    public long NextProducerId { get; private set; }

    public TransactionalProducer? Find(string transactionalId) => _producers.GetValueOrDefault(transactionalId);

    public long GiveProducerId(long producerId) => Commit(EntryKind.Transaction, Begin(Change.ProducerId).Int64(producerId));

    /// <summary>A producer takes a transactional id, with no transaction open.</summary>
    public long Initialize(string id, long producerId, long previousProducerId, short epoch, short lastEpoch, int timeoutMs, long nowMs) =>
        Commit(EntryKind.Transaction, Begin(Change.Initialize).String(id).Int64(producerId).Int64(previousProducerId)
            .Int16(epoch).Int16(lastEpoch).Int32(timeoutMs).Int64(nowMs));

    public long AddPartitions(string id, IReadOnlyList<(string Topic, int Partition)> added, long nowMs)
    {
        Begin(Change.AddPartitions).String(id).Int64(nowMs).Int32(added.Count);
        foreach (var (topic, partition) in added)
            _entry.String(topic).Int32(partition);
        return Commit(EntryKind.Transaction, _entry);
    }

    public long AddGroup(string id, string group, long nowMs) =>
        Commit(EntryKind.Transaction, Begin(Change.AddGroup).String(id).Int64(nowMs).String(group));

    public long Forget(IReadOnlyList<string> ids)
    {
        Begin(Change.Forget).Int32(ids.Count);
        foreach (var id in ids)
            _entry.String(id);
        return Commit(EntryKind.Transaction, _entry);
    }

    public long AddOffsets(long producerId, string group, IReadOnlyList<OffsetToCommit> sent)
    {
        _entry.Clear();
        OffsetEntry.Write(_entry.Int64(producerId).String(group), sent);
        return Commit(EntryKind.TransactionOffsets, _entry);
    }

    /// <summary>The end of a transaction, in one entry: its partitions and offsets are those that the entries before have named.</summary>
    /// <param name="epoch">The producer's own, or one above: that fences it in all its partitions.</param>
    public long End(string id, bool commit, short epoch, short lastEpoch, long nowMs)
    {
        _entry.Clear();
        return Commit(EntryKind.EndTransaction, _entry.String(id).Bool(commit).Int16(epoch).Int16(lastEpoch).Int64(nowMs));
    }

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        var reader = new EntryReader(payload);
        if (kind == EntryKind.TransactionOffsets)
            offsets.ApplyPending(reader.Int64(), reader.String()!, OffsetEntry.Read(ref reader));
        else if (kind == EntryKind.EndTransaction)
            ApplyEnd(ref reader);
        else
            ApplyChange(ref reader);
    }

    public byte[] Save()
    {
        var writer = new EntryWriter();
        writer.Int64(NextProducerId).Int32(_producers.Count);
        foreach (var producer in _producers.Values)
            producer.Write(writer);
        return writer.ToArray();
    }

    public void Load(ReadOnlySpan<byte> saved)
    {
        _producers.Clear();
        var reader = new EntryReader(saved);
        NextProducerId = reader.Int64();
        for (var count = reader.Int32(); count > 0; count--)
        {
            var producer = TransactionalProducer.Read(ref reader);
            _producers.Add(producer.Id, producer);
        }
    }

    private EntryWriter Begin(Change change)
    {
        _entry.Clear();
        return _entry.Byte((byte)change);
    }

    private long Commit(EntryKind kind, EntryWriter entry)
    {
        var number = journal.Append(kind, entry.Written);
        Apply(kind, entry.Written);
        return number;
    }

    private void ApplyChange(ref EntryReader reader)
    {
        switch ((Change)reader.Byte())
        {
            case Change.ProducerId:
                Took(reader.Int64());
                break;
            case Change.Initialize:
                ApplyInitialize(ref reader);
                break;
            case Change.AddPartitions:
                var producer = _producers[reader.String()!];
                producer.BeginIfNot(reader.Int64());
                for (var count = reader.Int32(); count > 0; count--)
                    producer.Partitions[(reader.String()!, reader.Int32())] = true;
                break;
            case Change.AddGroup:
                producer = _producers[reader.String()!];
                producer.BeginIfNot(reader.Int64());
                producer.Groups.Add(reader.String()!);
                break;
            case Change.Forget:
                for (var count = reader.Int32(); count > 0; count--)
                    _producers.Remove(reader.String()!);
                break;
            case var unknown:
                throw new InvalidDataException($"A transaction entry says {unknown}, which this version does not know: start the version that wrote it.");
        }
    }

    private void ApplyInitialize(ref EntryReader reader)
    {
        var id = reader.String()!;
        if (!_producers.TryGetValue(id, out var producer))
            _producers.Add(id, producer = new TransactionalProducer(id));
        producer.ProducerId = reader.Int64();
        producer.PreviousProducerId = reader.Int64();
        producer.Epoch = reader.Int16();
        producer.LastEpoch = reader.Int16();
        producer.TimeoutMs = reader.Int32();
        producer.UpdatedAtMs = reader.Int64();
        producer.State = TransactionState.Empty;
        producer.StartedAtMs = -1;
        Took(producer.ProducerId);
    }

    private void ApplyEnd(ref EntryReader reader)
    {
        var producer = _producers[reader.String()!];
        var commit = reader.Bool();
        producer.Epoch = reader.Int16();
        producer.LastEpoch = reader.Int16();
        producer.UpdatedAtMs = reader.Int64();
        producer.State = commit ? TransactionState.CompleteCommit : TransactionState.CompleteAbort;
        foreach (var (topic, partition) in producer.Partitions.Keys)
            partitions.ApplyMarker(topic, partition, producer.ProducerId, producer.Epoch, commit, producer.UpdatedAtMs);
        offsets.ApplyEnd(producer.ProducerId, commit);
        producer.Partitions.Clear();
        producer.Groups.Clear();
    }

    private void Took(long producerId) => NextProducerId = Math.Max(NextProducerId, producerId + 1);

    /// <summary>What a Transaction entry says. A number is never used again for another meaning.</summary>
    private enum Change : byte
    {
        ProducerId = 1,
        Initialize = 2,
        AddPartitions = 3,
        AddGroup = 4,
        Forget = 5,
    }
}
