using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Metering.Client.Spool;

internal enum SpoolAppendStatus
{
    Stored,

    /// <summary>The bound on the spool's size is reached; nothing was stored.</summary>
    Full,

    /// <summary>The disk refused; nothing was stored. Later appends try again.</summary>
    Failed,
}

/// <summary>
/// The write-ahead log of one source (R4). One thread at a time appends (the publisher's lock); one thread reads and
/// acknowledges (the sender). A record is in the operating system's hands when Append returns.
/// </summary>
internal sealed class EventSpool : IDisposable
{
    private readonly SpoolFolder _folder;
    private readonly SpoolOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly SpoolCursor _cursor;
    private readonly SpoolSync _sync;
    private readonly Lock _gate = new();
    private readonly Queue<SpoolSegment> _segments = new();
    private SpoolSegment _active = null!;
    private SafeFileHandle _handle = null!;
    private ulong _schema;
    private long _nextNumber;
    private long _bytes;
    private long _appendedEvents;
    private long _settledEvents;
    private long _appendedAtTick;
    private bool _hasOthers;
    private bool _othersAtTick;
    private long _inputTokens;
    private long _outputTokens;
    private long _freshBytes;

    private EventSpool(SpoolFolder folder, SpoolOptions options, TimeProvider clock, ILogger log)
    {
        _folder = folder;
        _options = options;
        _clock = clock;
        _log = log;
        Book = EpochBook.Open(folder.Path);
        _cursor = SpoolCursor.Open(folder.Path);
        var found = SpoolRecovery.Run(folder.Path, Book, _cursor.Position, log);
        foreach (var segment in found.Segments)
        {
            _segments.Enqueue(segment);
            _bytes += segment.Length;
        }
        _nextNumber = found.NextNumber;
        _appendedEvents = found.PendingEvents;
        Start = found.Start;
        Requests = found.Open;
        _sync = new SpoolSync(folder.Path, options, clock, log);
    }

    public string Folder => _folder.Path;

    public EpochBook Book { get; }

    /// <summary>The running epoch's account.</summary>
    public EpochAccount Account { get; private set; } = null!;

    /// <summary>Requests that are open (R4). Under the appender's lock.</summary>
    public OpenRequests Requests { get; }

    /// <summary>Where sending begins.</summary>
    public SpoolPosition? Start { get; private set; }

    /// <summary>The first segment of this run: what lies before it are former epochs.</summary>
    public long FirstOwnSegment { get; private set; }

    /// <summary>The sequence that the next event must bear. Under the appender's lock.</summary>
    public long NextSequence { get; private set; } = 1;

    /// <summary>Of all segments on disk.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Accepted, not yet acknowledged.</summary>
    public long PendingEvents => Math.Max(0, Interlocked.Read(ref _appendedEvents) - Interlocked.Read(ref _settledEvents));

    /// <summary>Events of this run and those that earlier runs left: the number that <see cref="SettledEvents"/> reaches when all is sent.</summary>
    public long AppendedEvents => Interlocked.Read(ref _appendedEvents);

    public long SettledEvents => Interlocked.Read(ref _settledEvents);

    /// <summary>Locks the source's folder and reads what former runs left there.</summary>
    /// <exception cref="SpoolInUseException">Another process has it.</exception>
    public static EventSpool Open(string dataFolder, string source, SpoolOptions options, TimeProvider clock, ILogger log)
    {
        var folder = SpoolFolder.Take(dataFolder, source);
        try
        {
            return new EventSpool(folder, options, clock, log);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Starts this run's epoch: durable before the first event (R1). Call once, before anything else.</summary>
    /// <param name="epoch">Null takes a new one.</param>
    /// <param name="schema">The fingerprint of the schema that payloads are written with.</param>
    public void Begin(long? epoch, ulong schema)
    {
        _schema = schema;
        Account = Book.Begin(epoch ?? Book.NewEpoch(_clock));
        Book.Save();
        Roll();
        DurableFile.SyncFolder(Folder);
        FirstOwnSegment = _active.Number;
        Start ??= new SpoolPosition(_active.Number, SpoolSegment.DataStart, Account.Epoch, 0);
        _sync.Start(IsCalm);
    }

    /// <summary>Appends a record whose payload stands behind <see cref="SpoolRecord.HeadBytes"/> free bytes. An event's
    /// payload bears <see cref="NextSequence"/>. One that closes a request has room beyond the bound: its request was let in.</summary>
    /// <param name="error">What the disk said, when <see cref="SpoolAppendStatus.Failed"/>.</param>
    public SpoolAppendStatus Append(Span<byte> record, SpoolRecordKind kind, long nowMicros, long inputTokens, long outputTokens, out Exception? error)
    {
        error = null;
        SpoolRecordHead head;
        if (kind != SpoolRecordKind.ClosingEvent && Bytes + record.Length + SpoolSegment.DataStart > _options.MaxBytes)
            return SpoolAppendStatus.Full;
        try
        {
            // What a segment began with does not fill it: else many open requests would make each append begin another.
            if (SpoolSegment.DataStart + _active.Length - _freshBytes + record.Length > _options.SegmentBytes && _active.Length > _freshBytes)
                Roll();
            var isEvent = kind is SpoolRecordKind.Event or SpoolRecordKind.ClosingEvent;
            head = new SpoolRecordHead(kind, isEvent ? NextSequence : NextSequence - 1, nowMicros, _inputTokens + inputTokens, _outputTokens + outputTokens);
            SpoolRecord.Seal(record, _active.Number, head);
            RandomAccess.Write(_handle, record, _active.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whatever part of it was written lies behind the segment's length: the next append writes over it.
            error = e;
            return SpoolAppendStatus.Failed;
        }
        Stored(record.Length, head.IsEvent, inputTokens, outputTokens);
        if (kind != SpoolRecordKind.Event)
            Requests.Take(head, record[SpoolRecord.HeadBytes..], _schema);
        return SpoolAppendStatus.Stored;
    }

    private void Stored(int recordBytes, bool isEvent, long inputTokens, long outputTokens)
    {
        _inputTokens += inputTokens;
        _outputTokens += outputTokens;
        Interlocked.Add(ref _bytes, recordBytes);
        if (isEvent)
        {
            Account.Accepted(NextSequence, _inputTokens, _outputTokens);
            NextSequence++;
            Interlocked.Increment(ref _appendedEvents);
        }
        else
        {
            // No acknowledgement will ever cover it: it wants the disk.
            Volatile.Write(ref _hasOthers, true);
        }
        // Last: from here on the reader sees it.
        _active.Length += recordBytes;
        _sync.Appended(recordBytes);
    }

    private bool IsCalm()
    {
        var others = Interlocked.Exchange(ref _hasOthers, false);
        var calm = SettledEvents >= _appendedAtTick && !_othersAtTick;
        // What came since the last tick may wait for the next one, unless the sync that follows now takes it along.
        _othersAtTick = calm && others;
        _appendedAtTick = AppendedEvents;
        return calm;
    }

    /// <summary>A mark for <see cref="WaitDurable"/>: everything appended so far. Under the appender's lock.</summary>
    public long AppendMark => _sync.AppendedBytes;

    /// <summary>Up to where everything is on the disk.</summary>
    public long SyncedMark => _sync.SyncedBytes;

    /// <summary>Under <see cref="SpoolFsync.EachAppend"/> returns when everything up to the mark is on the disk. Outside the appender's lock,
    /// so that threads share a sync.</summary>
    public void WaitDurable(long mark)
    {
        if (_options.Fsync == SpoolFsync.EachAppend)
            _sync.Reach(mark);
    }

    /// <param name="from">Where it begins; null = <see cref="Start"/>.</param>
    public SpoolReader OpenReader(SpoolPosition? from = null) => new(this, from ?? Start!.Value, _log);

    public SpoolSegment FindSegment(long number)
    {
        lock (_gate)
            return _segments.First(s => s.Number >= number);
    }

    /// <summary>Everything before the position is acknowledged (or expired): the cursor follows, and whole segments go. Sender's thread.</summary>
    /// <param name="events">How many events that settles.</param>
    public void Settle(in SpoolPosition position, long events)
    {
        Interlocked.Add(ref _settledEvents, events);
        try
        {
            _cursor.Write(position);
            Trim(position.Segment);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Costs duplicates after a restart, or disk until the next time: never an event.
            SpoolLog.TidyFailed(_log, Folder, e);
        }
    }

    private void Trim(long below)
    {
        while (true)
        {
            SpoolSegment oldest;
            lock (_gate)
            {
                if (_segments.Peek() is not { Next: not null } first || first.Number >= below)
                    return;
                oldest = first;
            }
            // A cursor that a power cut left behind what is deleted would take it for missing.
            if (_options.Fsync != SpoolFsync.Never)
                _cursor.Flush();
            File.Delete(oldest.Path);
            lock (_gate)
                _segments.Dequeue();
            Interlocked.Add(ref _bytes, -oldest.Length);
        }
    }

    private void Roll()
    {
        var nowMicros = _clock.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
        var header = new SegmentHeader(_nextNumber, Account.Epoch, NextSequence, _inputTokens, _outputTokens, _schema, nowMicros);
        var (segment, handle) = SpoolSegment.Create(Folder, header);
        // Before anybody can see it: whoever leaves the segments behind may delete them.
        Carry(segment, handle, nowMicros);
        _nextNumber++;
        var sealedSegment = _active;
        _handle = handle;
        _active = segment;
        _freshBytes = segment.Length;
        Interlocked.Add(ref _bytes, segment.Length);
        _sync.Rolled(handle);
        SpoolSegment? last;
        lock (_gate)
        {
            last = sealedSegment ?? _segments.LastOrDefault();
            _segments.Enqueue(segment);
        }
        if (last is not null)
            last.Next = segment;
    }

    private void Carry(SpoolSegment segment, SafeFileHandle handle, long nowMicros)
    {
        var copies = Requests.Copies(segment.Number, new SpoolRecordHead(SpoolRecordKind.Carried, NextSequence - 1, nowMicros, _inputTokens, _outputTokens));
        if (copies.Length == 0)
            return;
        try
        {
            RandomAccess.Write(handle, copies, segment.Length);
            segment.Length += copies.Length;
            _sync.Appended(copies.Length);
            Volatile.Write(ref _hasOthers, true);
        }
        catch
        {
            handle.Dispose();
            File.Delete(segment.Path);
            throw;
        }
    }

    /// <summary>Syncs what is not acknowledged, and lets go of the folder. The appender and the sender have ended.</summary>
    public async ValueTask CloseAsync()
    {
        await _sync.StopAsync();
        Dispose();
    }

    public void Dispose()
    {
        _sync.Dispose();
        _cursor.Dispose();
        _folder.Dispose();
    }
}
