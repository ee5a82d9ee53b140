using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>
/// The producers that wrote to a log: epoch, their last five batches, their open transaction. One that has not written for a
/// day of the log's own time is forgotten: an entry decides that, never a clock. Under the gate.
/// </summary>
internal sealed class ProducerTable
{
    private const long KeptMs = 24 * 60 * 60 * 1000;
    private const long SweepMs = 60 * 60 * 1000;
    private readonly Dictionary<long, ProducerState> _producers = [];
    private long _nextSweepMs = long.MinValue;

    public IEnumerable<ProducerInfo> All =>
        _producers.Values.Select(producer => new ProducerInfo(
            producer.Id, producer.Epoch, producer.LastSequence, producer.LastAppendMs, producer.TransactionStart));

    /// <summary>Whether a batch may come next from its producer.</summary>
    /// <param name="duplicate">Set when it is one of the last five: it is acknowledged as it was then.</param>
    public Outcome Check(in RecordBatch batch, out BatchMark? duplicate)
    {
        duplicate = null;
        if (!_producers.TryGetValue(batch.ProducerId, out var known))
            return Outcome.Ok; // never seen, or forgotten: any sequence may be the next
        var (first, last) = (batch.BaseSequence, batch.LastSequence);
        if (batch.ProducerEpoch == known.Epoch)
        {
            duplicate = known.Find(first, last);
            if (duplicate is not null)
                return Outcome.Ok;
        }
        if (batch.ProducerEpoch < known.Epoch)
            return new(ErrorCode.InvalidProducerEpoch, $"epoch {batch.ProducerEpoch} of producer {batch.ProducerId} is older than {known.Epoch}");
        if (batch.ProducerEpoch > known.Epoch ? first != 0 : !Sequence.Follows(first, known.LastSequence))
        {
            return new(ErrorCode.OutOfOrderSequenceNumber,
                $"producer {batch.ProducerId}, epoch {batch.ProducerEpoch}: sequence {first} after {known.LastSequence} of epoch {known.Epoch}");
        }
        if (known.TransactionStart >= 0 && !batch.IsTransactional)
            return new(ErrorCode.InvalidTxnState, $"producer {batch.ProducerId} has an open transaction here; the batch is not part of it");
        return Outcome.Ok;
    }

    /// <returns>True when the batch begins a transaction.</returns>
    public bool Add(in RecordBatch batch, long nowMs)
    {
        var producer = Get(batch.ProducerId, batch.ProducerEpoch, nowMs);
        producer.Add(new(batch.BaseSequence, batch.LastSequence, batch.BaseOffset, batch.IsLogAppendTime ? batch.MaxTimestampMs : -1));
        if (!batch.IsTransactional || producer.TransactionStart >= 0)
            return false;
        producer.TransactionStart = batch.BaseOffset;
        return true;
    }

    /// <returns>Where the transaction that ends began; −1 when there was none.</returns>
    public long End(long producerId, short epoch, long nowMs)
    {
        var producer = Get(producerId, epoch, nowMs);
        var start = producer.TransactionStart;
        producer.TransactionStart = -1;
        return start;
    }

    public void Save(EntryWriter to)
    {
        to.Int64(_nextSweepMs).Int32(_producers.Count);
        foreach (var producer in _producers.Values)
            producer.Save(to);
    }

    public void Load(ref EntryReader from)
    {
        _nextSweepMs = from.Int64();
        for (var count = from.Int32(); count > 0; count--)
        {
            var producer = ProducerState.Load(ref from);
            _producers.Add(producer.Id, producer);
        }
    }

    private ProducerState Get(long id, short epoch, long nowMs)
    {
        Sweep(nowMs);
        if (!_producers.TryGetValue(id, out var producer))
            _producers.Add(id, producer = new ProducerState(id, epoch));
        if (epoch > producer.Epoch)
            producer.Renew(epoch);
        producer.LastAppendMs = Math.Max(producer.LastAppendMs, nowMs);
        return producer;
    }

    private void Sweep(long nowMs)
    {
        if (nowMs < _nextSweepMs)
            return;
        _nextSweepMs = nowMs + SweepMs;
        foreach (var (id, producer) in _producers)
        {
            if (producer.TransactionStart < 0 && producer.LastAppendMs < nowMs - KeptMs)
                _producers.Remove(id);
        }
    }

    private sealed class ProducerState(long id, short epoch)
    {
        private const int Remembered = 5;
        private readonly BatchMark[] _batches = new BatchMark[Remembered];
        private int _count;

        public long Id => id;

        public short Epoch { get; private set; } = epoch;

        public int LastSequence { get; private set; } = -1;

        public long LastAppendMs { get; set; }

        public long TransactionStart { get; set; } = -1;

        public BatchMark? Find(int first, int last)
        {
            for (var i = 0; i < _count; i++)
            {
                if (_batches[i].FirstSequence == first && _batches[i].LastSequence == last)
                    return _batches[i];
            }
            return null;
        }

        public void Add(in BatchMark batch)
        {
            if (_count == Remembered)
                _batches.AsSpan(1).CopyTo(_batches);
            else
                _count++;
            _batches[_count - 1] = batch;
            LastSequence = batch.LastSequence;
        }

        public void Renew(short newEpoch) => (Epoch, _count, LastSequence) = (newEpoch, 0, -1);

        public void Save(EntryWriter to)
        {
            to.Int64(id).Int16(Epoch).Int32(LastSequence).Int64(LastAppendMs).Int64(TransactionStart).Byte((byte)_count);
            for (var i = 0; i < _count; i++)
                to.Int32(_batches[i].FirstSequence).Int32(_batches[i].LastSequence).Int64(_batches[i].BaseOffset).Int64(_batches[i].LogAppendTimeMs);
        }

        public static ProducerState Load(ref EntryReader from)
        {
            var state = new ProducerState(from.Int64(), from.Int16())
            {
                LastSequence = from.Int32(),
                LastAppendMs = from.Int64(),
                TransactionStart = from.Int64(),
            };
            state._count = from.Byte();
            for (var i = 0; i < state._count; i++)
                state._batches[i] = new(from.Int32(), from.Int32(), from.Int64(), from.Int64());
            return state;
        }
    }
}

/// <summary>What an acknowledgement said of a batch.</summary>
internal readonly record struct BatchMark(int FirstSequence, int LastSequence, long BaseOffset, long LogAppendTimeMs);
