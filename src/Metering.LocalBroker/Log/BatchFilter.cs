namespace Metering.LocalBroker.Log;

/// <summary>
/// What compaction keeps of a batch: records that are the latest of their key, and tombstones for a while. Aborted records go
/// at once, markers as tombstones do. A batch that keeps a tombstone says from when on it may go (KIP-534): its base
/// timestamp is then that time, and the records' times count from it. One thread.
/// </summary>
/// <param name="horizonMs">From when on what is compacted first now may go.</param>
internal sealed class BatchFilter(KeyMap latest, TransactionIndex? transactions, long nowMs, long horizonMs) : IDisposable
{
    private readonly PlainRecords _kept = new(64 * 1024);
    private readonly PlainRecords _batch = new(64 * 1024);

    /// <param name="batch">Valid until the next call.</param>
    /// <param name="kept">The batch itself, or another with fewer records; empty when nothing is kept.</param>
    public void Filter(in RecordBatch batch, out ReadOnlySpan<byte> kept)
    {
        kept = [];
        if (batch.IsTransactional && !batch.IsControl && transactions is not null && transactions.IsAborted(batch.ProducerId, batch.BaseOffset))
            return;
        var mayDrop = batch.HasDeleteHorizon && batch.BaseTimestampMs <= nowMs;
        using var plain = Compression.Decompress(batch.Codec, batch.Records)
            ?? throw new InvalidDataException("a batch cannot be decompressed");
        var survey = Survey(batch, plain.Span, mayDrop);
        var setHorizon = survey.Tombstones && !batch.HasDeleteHorizon;
        if (survey.Kept == 0)
            return;
        if (survey.Kept == batch.Count && !setHorizon)
        {
            kept = batch.Span;
            return;
        }
        Rebuild(batch, plain.Span, mayDrop, setHorizon, survey.Kept, survey.MaxTimestampMs);
        kept = _batch.Span;
    }

    public void Dispose()
    {
        _kept.Dispose();
        _batch.Dispose();
    }

    private (int Kept, bool Tombstones, long MaxTimestampMs) Survey(in RecordBatch batch, ReadOnlySpan<byte> records, bool mayDrop)
    {
        var (kept, tombstones, maxTimestampMs) = (0, false, -1L);
        var reader = new RecordReader(records);
        while (reader.TryRead(out var record))
        {
            if (!Keeps(batch, record, mayDrop))
                continue;
            kept++;
            tombstones |= batch.IsControl || !record.HasValue;
            maxTimestampMs = Math.Max(maxTimestampMs, batch.BaseTimestampMs + record.TimestampDelta);
        }
        return (kept, tombstones, maxTimestampMs);
    }

    private bool Keeps(in RecordBatch batch, in BatchRecord record, bool mayDrop)
    {
        if (batch.IsControl)
            return !mayDrop;
        return record.HasKey && latest.Get(record.Key) <= batch.BaseOffset + record.OffsetDelta && (record.HasValue || !mayDrop);
    }

    private void Rebuild(in RecordBatch batch, ReadOnlySpan<byte> records, bool mayDrop, bool setHorizon, int count, long maxTimestampMs)
    {
        var baseTimestampMs = setHorizon ? horizonMs : batch.BaseTimestampMs;
        _kept.Clear();
        var reader = new RecordReader(records);
        while (reader.TryRead(out var record))
        {
            if (!Keeps(batch, record, mayDrop))
                continue;
            if (setHorizon)
                Write(record, batch.BaseTimestampMs + record.TimestampDelta - baseTimestampMs);
            else
                Copy(_kept, record.Whole);
        }
        using var packed = batch.Codec == Codec.None ? null : Compression.Compress(batch.Codec, _kept.Span);
        var body = packed is null ? _kept.Span : packed.Span;
        _batch.Clear();
        var to = _batch.GetSpan(RecordBatch.HeaderBytes + body.Length)[..(RecordBatch.HeaderBytes + body.Length)];
        body.CopyTo(to[RecordBatch.HeaderBytes..]);
        RecordBatch.WriteHeader(
            to, batch.BaseOffset, setHorizon ? (short)(batch.Attributes | RecordBatch.DeleteHorizonBit) : batch.Attributes, batch.LastOffsetDelta, baseTimestampMs,
            batch.IsLogAppendTime ? batch.MaxTimestampMs : maxTimestampMs, batch.ProducerId, batch.ProducerEpoch, batch.BaseSequence, count);
        RecordBatch.SetCrc(to);
        _batch.Advance(to.Length);
    }

    private void Write(in BatchRecord record, long timestampDelta)
    {
        Span<byte> head = stackalloc byte[31];
        head[0] = 0; // attributes
        var length = 1;
        length += Varint.Write(head[length..], timestampDelta);
        length += Varint.Write(head[length..], record.OffsetDelta);
        length += Varint.Write(head[length..], record.HasKey ? record.Key.Length : -1);
        _kept.Advance(Varint.Write(_kept.GetSpan(10), length + record.Key.Length + record.BehindKey.Length));
        Copy(_kept, head[..length]);
        Copy(_kept, record.Key);
        Copy(_kept, record.BehindKey);
    }

    private static void Copy(PlainRecords to, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(to.GetSpan(bytes.Length));
        to.Advance(bytes.Length);
    }
}
