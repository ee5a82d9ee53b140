using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;

namespace Metering.LocalBroker.Log;

/// <summary>
/// Keeps the last record of each key. Reads and writes outside the gate; a segment is replaced under it by one entry of the
/// journal, when the new file is on disk. What it finds damaged it leaves as it is. One thread.
/// </summary>
internal sealed class Compactor(IFiles files, SegmentFiles segments, Lock gate, CancellationToken stop)
{
    /// <summary>Compacts what is worth it.</summary>
    public void Run(TopicTable topics, long nowMs)
    {
        PartitionLog[] logs;
        lock (gate)
            logs = [.. topics.Logs.Where(log => log.Segments.Count > 1 && log.Config.Compacts)];
        foreach (var log in logs)
        {
            if (stop.IsCancellationRequested)
                return;
            CompactionPlan? plan;
            lock (gate)
                plan = log.PlanCompaction(nowMs);
            if (plan is null)
                continue;
            try
            {
                Compact(log, plan);
            }
            catch (InvalidDataException failure)
            {
                StorageLog.HousekeepingFailed(log.Logger, failure); // this log stays as it is; the others go on
            }
        }
    }

    private void Compact(PartitionLog log, CompactionPlan plan)
    {
        KeyMap latest = new();
        if (!TryMap(plan, latest, out var mappedTo) || mappedTo <= plan.CleanedTo)
            return;
        using BatchFilter filter = new(latest, plan.Transactions, plan.NowMs, plan.HorizonMs);
        var worked = plan.Segments.TakeWhile(segment => segment.BaseOffset < mappedTo).ToList();
        var (before, after) = (0L, 0L);
        for (var first = 0; first < worked.Count && !stop.IsCancellationRequested;)
        {
            var group = Group(worked, first, plan.SegmentBytes);
            first += group.Count;
            if (!TryCompactGroup(log, group, filter, first == worked.Count ? mappedTo : 0, out var bytes))
                return;
            before += group.Sum(segment => segment.Bytes);
            after += bytes;
        }
        StorageLog.Compacted(log.Logger, log.FolderName, before, after);
    }

    /// <summary>The latest offset of each key of what was not compacted yet.</summary>
    /// <param name="mappedTo">Up to where there was room for the keys.</param>
    private bool TryMap(CompactionPlan plan, KeyMap latest, out long mappedTo)
    {
        mappedTo = plan.CleanedTo;
        foreach (var segment in plan.Segments)
        {
            if (segment.EndOffset <= plan.CleanedTo)
                continue;
            using SegmentReader reader = new(segments, segment, 0, segment.Bytes, segment.BaseOffset, segment.LargestBatchBytes);
            while (reader.TryRead(out var batch))
            {
                if (stop.IsCancellationRequested)
                    return false;
                var counts = batch.LastOffset >= plan.CleanedTo && !batch.IsControl
                    && !(batch.IsTransactional && plan.Transactions?.IsAborted(batch.ProducerId, batch.BaseOffset) == true);
                if (counts && !TryMap(batch, latest))
                    return mappedTo > plan.CleanedTo; // the rest is for the next run
                mappedTo = batch.LastOffset + 1;
            }
            if (reader.IsDamaged)
                return Damaged(segment, reader);
            mappedTo = segment.EndOffset;
        }
        return true;
    }

    private static bool TryMap(in RecordBatch batch, KeyMap latest)
    {
        using var plain = Compression.Decompress(batch.Codec, batch.Records)
            ?? throw new InvalidDataException("a batch cannot be decompressed");
        var reader = new RecordReader(plain.Span);
        while (reader.TryRead(out var record))
        {
            if (record.HasKey && !latest.TrySet(record.Key, batch.BaseOffset + record.OffsetDelta))
                return false;
        }
        return true;
    }

    /// <summary>Small neighbours become one segment.</summary>
    private static List<Segment> Group(List<Segment> all, int first, long mostBytes)
    {
        List<Segment> group = [all[first]];
        var bytes = all[first].Bytes;
        for (var i = first + 1; i < all.Count; i++)
        {
            bytes += all[i].Bytes;
            if (bytes > mostBytes || all[i].EndOffset - all[first].BaseOffset > int.MaxValue)
                break;
            group.Add(all[i]);
        }
        return group;
    }

    private bool TryCompactGroup(PartitionLog log, List<Segment> group, BatchFilter filter, long cleanedTo, out long bytes)
    {
        Segment cleaned = new(log, group[0].BaseOffset, log.Generation + 1);
        var isDone = false;
        try
        {
            if (!TryWrite(group, filter, cleaned, out var isSame))
            {
                bytes = 0;
                return false;
            }
            bytes = cleaned.Bytes;
            if (bytes > 0)
            {
                segments.Sync(cleaned);
                files.SyncFolder(segments.FolderOf(log));
            }
            lock (gate)
            {
                if (isSame)
                    return cleanedTo == 0 || log.TryReplace([], null, cleanedTo);
                isDone = log.TryReplace(group, bytes > 0 ? cleaned : null, cleanedTo) && bytes > 0;
                return isDone || bytes == 0;
            }
        }
        finally
        {
            if (!isDone && cleaned.Bytes > 0)
                segments.Discard(cleaned);
        }
    }

    private bool TryWrite(List<Segment> group, BatchFilter filter, Segment cleaned, out bool isSame)
    {
        isSame = group.Count == 1;
        using SegmentWriter writer = new(segments, cleaned);
        foreach (var segment in group)
        {
            using SegmentReader reader = new(segments, segment, 0, segment.Bytes, segment.BaseOffset, segment.LargestBatchBytes);
            while (reader.TryRead(out var batch))
            {
                if (stop.IsCancellationRequested)
                    return false;
                filter.Filter(batch, out var kept);
                isSame &= kept == batch.Span;
                if (!kept.IsEmpty)
                    writer.Write(kept);
            }
            if (reader.IsDamaged)
                return Damaged(segment, reader);
        }
        writer.Flush();
        (cleaned.FirstAppendMs, cleaned.LastAppendMs) = (group.Min(segment => segment.FirstAppendMs), group.Max(segment => segment.LastAppendMs));
        cleaned.Index.Seal();
        return true;
    }

    /// <summary>It is left out of compaction, and said once.</summary>
    private bool Damaged(Segment segment, SegmentReader reader)
    {
        if (!segment.IsRemoved && Interlocked.Exchange(ref segment.DamageLoggedAt, reader.Position) < 0)
            StorageLog.Damaged(segment.Log.Logger, segments.PathOf(segment), reader.Position, segment.BaseOffset);
        return false;
    }

    private sealed class SegmentWriter(SegmentFiles segments, Segment to) : IDisposable
    {
        private const int FlushBytes = 1 << 20;
        private readonly PlainRecords _buffer = new(FlushBytes);
        private long _written;

        public void Write(ReadOnlySpan<byte> batch)
        {
            to.Add(new RecordBatch(batch), 0);
            batch.CopyTo(_buffer.GetSpan(batch.Length));
            _buffer.Advance(batch.Length);
            if (_buffer.Length >= FlushBytes)
                Flush();
        }

        public void Flush()
        {
            if (_buffer.Length == 0)
                return;
            segments.Write(to, _buffer.Span, _written);
            _written += _buffer.Length;
            _buffer.Clear();
        }

        public void Dispose() => _buffer.Dispose();
    }
}
