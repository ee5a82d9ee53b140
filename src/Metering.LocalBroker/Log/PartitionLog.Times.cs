namespace Metering.LocalBroker.Log;

/// <summary>Offsets by time. These members take the gate themselves, and read the disk outside it.</summary>
internal sealed partial class PartitionLog
{
    /// <summary>The first record at or after a time (Unix ms), below the high watermark (or the stable offset); offset −1 when none.
    /// Takes the gate itself; may read the disk.</summary>
    public (long Offset, long TimestampMs) FindTime(long timestampMs, bool committedOnly)
    {
        List<Place> places = [];
        long start;
        long limit;
        lock (_room.Gate)
        {
            start = StartOffset;
            limit = committedOnly ? StableOffset : HighWatermark;
            foreach (var segment in _segments)
            {
                if (segment.MaxTimestampMs < timestampMs || segment.EndOffset <= start || segment.BaseOffset >= limit)
                    continue;
                var (expected, position) = segment.Index.FindTime(timestampMs) ?? (segment.BaseOffset, 0);
                places.Add(PlaceOf(segment, expected, position));
            }
        }
        foreach (var place in places)
        {
            using var reader = place.Open(Files);
            while (reader.TryRead(out var batch) && batch.BaseOffset < limit)
            {
                if (!batch.IsControl && batch.MaxTimestampMs >= timestampMs && batch.LastOffset >= start
                    && FirstRecord(batch, timestampMs, start, limit) is { } found)
                {
                    return found;
                }
            }
        }
        return (-1, -1);
    }

    /// <summary>The record with the largest timestamp. Takes the gate itself.</summary>
    public (long Offset, long TimestampMs) FindMaxTime()
    {
        Place? place = null;
        var largest = -1L;
        lock (_room.Gate)
        {
            foreach (var segment in _segments)
            {
                var (timestamp, position) = segment == _visibleSegment ? _visibleMax : (segment.MaxTimestampMs, segment.MaxTimestampPosition);
                if (timestamp <= largest || segment.EndOffset <= StartOffset || segment.BaseOffset >= HighWatermark)
                    continue;
                largest = timestamp;
                place = PlaceOf(segment, -1, position);
            }
        }
        if (place is null)
            return (-1, -1);
        using var reader = place.Value.Open(Files);
        return reader.TryRead(out var batch) && FirstRecord(batch, largest, 0, long.MaxValue) is { } found ? found : (-1, -1);
    }

    private Place PlaceOf(Segment segment, long expected, long position) =>
        new(segment, expected, position, segment == _visibleSegment ? _visibleBytes : segment.Bytes, segment.LargestBatchBytes);

    private static (long Offset, long TimestampMs)? FirstRecord(in RecordBatch batch, long timestampMs, long from, long limit)
    {
        if (batch.IsLogAppendTime)
            return (Math.Max(batch.BaseOffset, from), batch.MaxTimestampMs);
        using var plain = Compression.Decompress(batch.Codec, batch.Records);
        if (plain is null)
            return null;
        var reader = new RecordReader(plain.Span);
        while (reader.TryRead(out var record))
        {
            var (offset, timestamp) = (batch.BaseOffset + record.OffsetDelta, batch.BaseTimestampMs + record.TimestampDelta);
            if (timestamp >= timestampMs && offset >= from && offset < limit)
                return (offset, timestamp);
        }
        return null;
    }

    private readonly record struct Place(Segment Segment, long Expected, long Position, long End, int LargestBatchBytes)
    {
        public SegmentReader Open(SegmentFiles files) => new(files, Segment, Position, End, Expected, LargestBatchBytes);
    }
}
