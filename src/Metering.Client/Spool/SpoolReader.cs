using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Metering.Client.Spool;

/// <summary>
/// Reads the spool's events in order, across segments and runs, up to what was appended. At the tail the bytes come from
/// the page cache, some hundred records a system call. What it cannot read it reports, accounts for, and steps over.
/// Sender's thread.
/// </summary>
internal sealed class SpoolReader : IDisposable
{
    private readonly EventSpool _spool;
    private readonly ILogger _log;
    private byte[] _buffer = new byte[256 << 10];
    private int _start;
    private int _count;
    private long _bufferOffset;
    private SpoolSegment _segment = null!;
    private SafeFileHandle _handle = null!;
    private long _sequence;
    private (long Segment, long Offset) _reported;

    public SpoolReader(EventSpool spool, ILogger log)
    {
        _spool = spool;
        _log = log;
        Seek(spool.Start!.Value);
    }

    /// <summary>The segment of the last record read: its header names epoch and schema.</summary>
    public SegmentHeader Header => _segment.Header;

    /// <summary>Behind the last record read.</summary>
    public SpoolPosition Position => new(_segment.Number, _bufferOffset + _start, _segment.Header.Epoch, _sequence);

    /// <summary>Goes back to a position that was read before, to send again.</summary>
    public void Seek(in SpoolPosition position)
    {
        Enter(_spool.FindSegment(position.Segment));
        if (_segment.Number != position.Segment)
            return;
        _bufferOffset = position.Offset;
        if (position.Epoch == _segment.Header.Epoch)
            _sequence = position.Sequence;
    }

    /// <summary>The next event; false when there is none yet. The payload is valid until the next call.</summary>
    public bool TryRead(out SpoolRecordHead head, out ReadOnlySpan<byte> payload)
    {
        while (true)
        {
            var bytes = _buffer.AsSpan(_start, _count);
            var state = SpoolRecord.Read(bytes, _segment.Number, out head, out var recordBytes);
            if (state == SpoolRecordState.Whole)
            {
                var at = _bufferOffset + _start;
                _start += recordBytes;
                _count -= recordBytes;
                if (head.Kind != SpoolRecordKind.Event)
                    continue;
                Continues(head.Sequence, at);
                payload = bytes[SpoolRecord.HeadBytes..recordBytes];
                return true;
            }
            if (state == SpoolRecordState.Incomplete && Fill())
                continue;
            if (_count > 0)
            {
                StepOverDamage();
                continue;
            }
            if (!MoveOn())
            {
                payload = default;
                return false;
            }
        }
    }

    // More bytes of the same segment; false when all that was appended is in the buffer.
    private bool Fill()
    {
        var available = _segment.Length - (_bufferOffset + _start + _count);
        if (available <= 0)
            return false;
        _buffer.AsSpan(_start, _count).CopyTo(_buffer);
        _bufferOffset += _start;
        _start = 0;
        if (_count == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        var room = (int)Math.Min(available, _buffer.Length - _count);
        var read = RandomAccess.Read(_handle, _buffer.AsSpan(_count, room), _bufferOffset + _count);
        _count += read;
        return read > 0;
    }

    private bool MoveOn()
    {
        var next = _segment.Next;
        // Next is set after the last append: a length read now is final.
        if (next is null || _bufferOffset + _start < _segment.Length)
            return next is not null && Fill();
        if (!SpoolRecovery.ContinuesRun(_segment, next))
            LeaveRun();
        var sequence = SpoolRecovery.ContinuesRun(_segment, next) ? _sequence : next.Header.FirstSequence - 1;
        Enter(next);
        _sequence = sequence;
        return true;
    }

    private void Enter(SpoolSegment segment)
    {
        var handle = segment.OpenForRead();
        _handle?.Dispose();
        _handle = handle;
        _segment = segment;
        _bufferOffset = SpoolSegment.DataStart;
        _start = 0;
        _count = 0;
        _sequence = segment.Header.FirstSequence - 1;
    }

    private void StepOverDamage()
    {
        var from = _bufferOffset + _start;
        var rest = new byte[_segment.Length - from];
        var read = RandomAccess.Read(_handle, rest, from);
        var next = SpoolRecord.FindNext(rest.AsSpan(0, read), 0, _segment.Number);
        var to = next < 0 ? from + rest.Length : from + next;
        if (IsNews(from))
        {
            SpoolLog.RecordsDamaged(_log, _segment.Path, from, to - from);
            File.Copy(_segment.Path, _segment.Path + ".damaged", overwrite: true);
            _reported = (_segment.Number, from);
        }
        _bufferOffset = to;
        _start = 0;
        _count = 0;
    }

    private void Continues(long sequence, long offset)
    {
        if (sequence > _sequence + 1 && IsNews(offset))
        {
            Missing(sequence - _sequence - 1);
            _reported = (_segment.Number, offset);
        }
        _sequence = sequence;
    }

    // A run that was closed in good order has told its last sequence. An epoch that was used again cannot be told from its book.
    private void LeaveRun()
    {
        var known = _spool.Book.Find(_segment.Header.Epoch)?.Read() ?? default;
        if (known.Runs == 1 && known.LastSequence > _sequence && IsNews(_segment.Length))
        {
            Missing(known.LastSequence - _sequence);
            _reported = (_segment.Number, _segment.Length);
            _sequence = known.LastSequence;
        }
        // Whatever follows in this epoch's place is settled with its last record.
        _spool.Book.Find(_segment.Header.Epoch)?.Read();
    }

    private void Missing(long events)
    {
        SpoolLog.EventsMissing(_log, _segment.Header.Epoch, events, _sequence);
        _spool.Book.Find(_segment.Header.Epoch)?.AddDamaged(events);
    }

    private bool IsNews(long offset) => (_segment.Number, offset).CompareTo(_reported) > 0;

    public void Dispose() => _handle.Dispose();
}
