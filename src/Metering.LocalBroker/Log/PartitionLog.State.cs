using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>Taking records out, and the log's part of a checkpoint.</summary>
internal sealed partial class PartitionLog
{
    /// <summary>Removes the records below an offset; −1 means the high watermark.</summary>
    /// <returns>OFFSET_OUT_OF_RANGE above the high watermark; else the new start and the entry to wait for.</returns>
    public (ErrorCode Error, long StartOffset, long Entry) DeleteBefore(long offset)
    {
        var start = offset == -1 ? HighWatermark : offset;
        if (start < 0 || start > HighWatermark)
            return (ErrorCode.OffsetOutOfRange, -1, 0);
        if (start <= StartOffset)
            return (ErrorCode.None, StartOffset, _room.Journal.Last);
        try
        {
            return (ErrorCode.None, start, MoveStart(start));
        }
        catch (JournalFailedException)
        {
            return (ErrorCode.KafkaStorageError, -1, 0);
        }
    }

    /// <summary>Journals a new start.</summary>
    public long MoveStart(long start)
    {
        var payload = new EntryWriter().Int32(Ordinal).Int64(start);
        var entry = _room.Journal.Append(EntryKind.LogStart, payload.Written);
        ApplyStart(start);
        return entry;
    }

    public void ApplyStart(long start)
    {
        _startOffset = Math.Max(_startOffset, Math.Min(start, EndOffset));
        var gone = _segments.FindIndex(segment => segment.EndOffset > _startOffset);
        for (var i = gone < 0 ? _segments.Count : gone; i > 0; i--)
        {
            Forget(_segments[0]);
            _segments.RemoveAt(0);
        }
        _transactions?.Forget(_startOffset);
    }

    /// <summary>The topic is deleted: the log's memory and files go.</summary>
    public void Delete()
    {
        _isDeleted = true;
        _room.Writes.Changed(this);
        foreach (var segment in _segments)
            Count(-segment.Bytes);
        _room.OpenTransactions -= _transactions?.Open ?? 0;
        if (EndOffset > 0)
            _room.Writes.RemoveFolder(this);
        _segments.Clear();
    }

    public void Save(EntryWriter to)
    {
        to.Bool(EndOffset > 0);
        if (EndOffset == 0)
            return;
        to.Int64(_startOffset).Int64(EndOffset).Int64(CleanedTo).Int32(Generation).Int32(_segments.Count);
        foreach (var segment in _segments)
            segment.Save(to);
        to.Bool(_producers is not null);
        _producers?.Save(to);
        to.Bool(_transactions is not null);
        _transactions?.Save(to);
    }

    public void Load(ref EntryReader from)
    {
        if (!from.Bool())
            return;
        _startOffset = from.Int64();
        EndOffset = from.Int64();
        CleanedTo = from.Int64();
        Generation = from.Int32();
        for (var count = from.Int32(); count > 0; count--)
        {
            _segments.Add(Segment.Load(this, ref from));
            Count(_segments[^1].Bytes);
        }
        if (from.Bool())
            (_producers = new()).Load(ref from);
        if (from.Bool())
            (_transactions = new()).Load(ref from);
        _room.OpenTransactions += _transactions?.Open ?? 0;
    }

    private void Forget(Segment segment)
    {
        Count(-segment.Bytes);
        _room.Writes.Remove(segment);
    }
}
