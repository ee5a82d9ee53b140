using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Log;

/// <summary>
/// Where some of a segment's batches lie. An entry at least every 32 KB; when there are too many every second one goes, so
/// that a segment of any size takes at most 24 KB of memory, and 6 KB once it is full. Under the gate.
/// </summary>
internal sealed class SparseIndex
{
    private const int FirstInterval = 32 * 1024;
    private const int MostEntries = 1024;
    private const int MostWhenSealed = 256;
    private Entry[] _entries = [];
    private int _count;
    private long _interval = FirstInterval;

    /// <param name="maxTimestampBefore">Of all batches before this one.</param>
    public void Add(long offset, long position, long maxTimestampBefore)
    {
        if (_count > 0 && position - _entries[_count - 1].Position < _interval)
            return;
        if (_count == MostEntries)
            Thin();
        if (_count == _entries.Length)
            Array.Resize(ref _entries, Math.Max(4, _count * 2));
        _entries[_count++] = new(offset, position, maxTimestampBefore);
    }

    /// <summary>The last entry at or before an offset; the segment's beginning when there is none.</summary>
    public (long Offset, long Position)? Find(long offset)
    {
        var (low, high) = (0, _count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].Offset <= offset)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high < 0 ? null : (_entries[high].Offset, _entries[high].Position);
    }

    /// <summary>The last entry before which all timestamps are smaller.</summary>
    public (long Offset, long Position)? FindTime(long timestampMs)
    {
        var found = -1;
        for (var i = 0; i < _count && _entries[i].MaxTimestampBefore < timestampMs; i++)
            found = i;
        return found < 0 ? null : (_entries[found].Offset, _entries[found].Position);
    }

    /// <summary>The first entry that begins at or after an offset: where what lies below ends at the latest.</summary>
    public long EndPosition(long offset, long segmentBytes)
    {
        var (low, high) = (0, _count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return low < _count ? _entries[low].Position : segmentBytes;
    }

    /// <summary>The offset of the first entry behind a position: no batch that begins before the position has a higher one.</summary>
    public long OffsetBehind(long position)
    {
        for (var (low, high) = (0, _count - 1); ;)
        {
            if (low > high)
                return low < _count ? _entries[low].Offset : long.MaxValue;
            var middle = (low + high) / 2;
            if (_entries[middle].Position < position)
                low = middle + 1;
            else
                high = middle - 1;
        }
    }

    /// <summary>No more batches come.</summary>
    public void Seal()
    {
        while (_count > MostWhenSealed)
            Thin();
        Array.Resize(ref _entries, _count);
    }

    public void Save(EntryWriter to)
    {
        to.Int64(_interval).Int32(_count);
        for (var i = 0; i < _count; i++)
            to.Int64(_entries[i].Offset).Int64(_entries[i].Position).Int64(_entries[i].MaxTimestampBefore);
    }

    public void Load(ref EntryReader from)
    {
        _interval = from.Int64();
        _count = from.Int32();
        _entries = new Entry[_count];
        for (var i = 0; i < _count; i++)
            _entries[i] = new(from.Int64(), from.Int64(), from.Int64());
    }

    private void Thin()
    {
        for (var i = 0; i * 2 < _count; i++)
            _entries[i] = _entries[i * 2];
        _count = (_count + 1) / 2;
        _interval *= 2;
    }

    private readonly record struct Entry(long Offset, long Position, long MaxTimestampBefore);
}
