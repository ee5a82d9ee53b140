using Metering.Events;
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
    private int _wireStart;
    private int _wireBytes;
    private bool _shortRead;
    private long _bufferOffset;
    private SpoolSegment _segment = null!;
    private SafeFileHandle _handle = null!;
    private long _sequence;
    private long _missing;

    public SpoolReader(EventSpool spool, SpoolPosition from, ILogger log)
    {
        _spool = spool;
        _log = log;
        Seek(from);
    }

    /// <summary>The segment of the last record read: its header names epoch and schema.</summary>
    public SegmentHeader Header => _segment.Header;

    /// <summary>Behind the last record read.</summary>
    public SpoolPosition Position => new(_segment.Number, _bufferOffset + _start, _segment.Header.Epoch, _sequence);

    /// <summary>The event read last.</summary>
    public SpoolRecordHead Head { get; private set; }

    /// <summary>Its payload behind five bytes for the wire header, which may be written: they held what was read already.
    /// Valid until the next <see cref="TryRead"/>.</summary>
    public Span<byte> Wire => _buffer.AsSpan(_wireStart, _wireBytes);

    /// <summary>Damage up to here is accounted for: a reader that reads again takes this over.</summary>
    public (long Segment, long Offset) Reported { get; set; }

    /// <summary>True when more was appended than was read.</summary>
    public bool HasMore => _count > 0 || _bufferOffset + _start < _segment.Length || _segment.Next is not null;

    private void Seek(in SpoolPosition position)
    {
        Enter(_spool.FindSegment(position.Segment));
        if (_segment.Number != position.Segment)
            return;
        _bufferOffset = position.Offset;
        if (position.Epoch == _segment.Header.Epoch)
            _sequence = position.Sequence;
    }

    /// <summary>Goes to the next event; false when there is none yet.</summary>
    public bool TryRead()
    {
        while (true)
        {
            var state = SpoolRecord.Read(_buffer.AsSpan(_start, _count), _segment.Number, out var head, out var recordBytes);
            if (state == SpoolRecordState.Whole)
            {
                Take(head, recordBytes);
                if (head.IsEvent)
                    return true;
                continue;
            }
            if (state == SpoolRecordState.Incomplete && Fill())
                continue;
            // The buffer ends where a record ends, or the file is shorter than what was appended: either way this is damage.
            if (_count > 0 || _shortRead)
            {
                StepOverDamage();
                continue;
            }
            if (!MoveOn())
                return false;
        }
    }

    private void Take(in SpoolRecordHead head, int recordBytes)
    {
        if (head.IsEvent)
        {
            Continues(head.Sequence, _bufferOffset + _start);
            Head = head;
            _wireStart = _start + SpoolRecord.HeadBytes - WireFormat.HeaderBytes;
            _wireBytes = recordBytes - SpoolRecord.HeadBytes - head.TrailerBytes + WireFormat.HeaderBytes;
        }
        _start += recordBytes;
        _count -= recordBytes;
    }

    /// <summary>How many events of the sequence were found missing since the last call: they are settled with what follows them.</summary>
    public long TakeMissing()
    {
        var missing = _missing;
        _missing = 0;
        return missing;
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
        _shortRead = read == 0;
        return read > 0;
    }

    private bool MoveOn()
    {
        var next = _segment.Next;
        // Next is set after the last append: a length read now is final.
        if (next is null)
            return false;
        if (_bufferOffset + _start < _segment.Length)
            return Fill();
        var sequence = _sequence;
        if (!SpoolRecovery.ContinuesRun(_segment, next))
        {
            LeaveRun();
            sequence = next.Header.FirstSequence - 1;
        }
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
            Reported = (_segment.Number, from);
        }
        _bufferOffset = to;
        _start = 0;
        _count = 0;
        _shortRead = false;
    }

    private void Continues(long sequence, long offset)
    {
        if (sequence > _sequence + 1)
        {
            _missing += sequence - _sequence - 1;
            if (IsNews(offset))
            {
                Missing(sequence - _sequence - 1);
                Reported = (_segment.Number, offset);
            }
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
            Reported = (_segment.Number, _segment.Length);
            _sequence = known.LastSequence;
        }
    }

    private void Missing(long events)
    {
        SpoolLog.EventsMissing(_log, _segment.Header.Epoch, events, _sequence);
        _spool.Book.Find(_segment.Header.Epoch)?.AddDamaged(events);
    }

    private bool IsNews(long offset) => (_segment.Number, offset).CompareTo(Reported) > 0;

    public void Dispose() => _handle.Dispose();
}
