using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>Where a fetch finds its bytes.</summary>
internal sealed partial class PartitionLog
{
    // Where the last fetches ended: the next of the same consumers begin there, and need no search.
    private const int Remembered = 4;
    private (long Offset, Segment Segment, long Position)[]? _ends;
    private int _nextEnd;

    /// <summary>Which bytes a fetch gets; they are read outside the gate by <see cref="ReadPlan.Read"/>.</summary>
    /// <param name="maxBytes">At most so many, but at least one whole batch when <paramref name="atLeastOne"/>.</param>
    /// <param name="committedOnly">Up to <see cref="StableOffset"/>, with the aborted transactions in the range.</param>
    public ReadPlan PlanRead(long offset, int maxBytes, bool committedOnly, bool atLeastOne)
    {
        var limit = committedOnly ? StableOffset : HighWatermark;
        if (offset < StartOffset || offset > EndOffset)
            return new ReadPlan(this, ErrorCode.OffsetOutOfRange);
        if (offset >= limit || FindSegment(offset) is not { } segment)
            return new ReadPlan(this, ErrorCode.None);
        var (expected, position) = FindPosition(segment, offset);
        var end = segment == _visibleSegment ? _visibleBytes : segment.Bytes;
        if (limit < segment.EndOffset)
            end = Math.Min(end, segment.Index.EndPosition(limit, segment.Bytes));
        var bytes = (int)Math.Min(end - position, Math.Max(maxBytes, atLeastOne ? segment.LargestBatchBytes : 0));
        var aborted = committedOnly && _transactions is not null
            ? _transactions.Overlapping(offset, Math.Min(limit, segment.Index.OffsetBehind(position + bytes)))
            : [];
        return new ReadPlan(this, ErrorCode.None)
        {
            Segment = segment,
            Offset = offset,
            Limit = limit,
            Position = position,
            EndPosition = end,
            Expected = expected,
            Bytes = Math.Max(bytes, 0),
            Aborted = aborted,
        };
    }

    /// <summary>The first whose records reach an offset. In front of a compacted segment's first record the offset leads into it.</summary>
    private Segment? FindSegment(long offset)
    {
        var (low, high) = (0, _segments.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_segments[middle].EndOffset <= offset)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return low < _segments.Count && _segments[low].Bytes > 0 ? _segments[low] : null;
    }

    /// <summary>A batch's place at or before an offset, and the offset that this batch must have.</summary>
    private (long Expected, long Position) FindPosition(Segment segment, long offset)
    {
        if (_ends is { } ends)
        {
            lock (ends)
            {
                foreach (var end in ends)
                {
                    if (end.Offset == offset && end.Segment == segment)
                        return (offset, end.Position);
                }
            }
        }
        return segment.Index.Find(offset) ?? (segment.BaseOffset, 0);
    }

    /// <summary>A fetch ended here. Any thread.</summary>
    internal void Remember(long offset, Segment segment, long position)
    {
        if ((_ends ?? Interlocked.CompareExchange(ref _ends, new (long, Segment, long)[Remembered], null) ?? _ends) is not { } ends)
            return;
        lock (ends)
        {
            ends[_nextEnd] = (offset, segment, position);
            _nextEnd = (_nextEnd + 1) % Remembered;
        }
    }
}
