using Metering.LocalBroker.Log;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// The journal at work. Entries gather in memory under the gate; one thread writes what has gathered, syncs it, carries out
/// what the entries do to segments and then publishes: one sync for all partitions, as many entries as came during the
/// one before. It sleeps when there is nothing to do.
/// </summary>
internal sealed partial class Journal : IJournal, ISegmentWrites, IDisposable
{
    private readonly Lock _gate;
    private readonly SegmentFiles _segments;
    private readonly bool _syncEach;
    private readonly ILogger _logger;
    private readonly Action<Exception> _failed;
    private readonly AutoResetEvent _work = new(false);
    private readonly Thread _writer;
    private readonly ITimer _syncLater;
    private readonly List<IArrivalWatcher> _arrivals = [];
    private HashSet<Segment> _written = [];
    private JournalGroup _filling = new();
    private JournalGroup _writing = new();
    private bool _isWriting;
    private bool _writerSleeps;
    private bool _stopping;
    private long _durable;
    private int _syncPlanned;
    private Exception? _failure;
    private JournalFiles? _files;
    private long _appended;
    private long _checkpointAt = long.MaxValue;
    private Action? _checkpointDue;

    /// <param name="failed">Is told once, outside the gate, when the disk refused.</param>
    public Journal(Lock gate, SegmentFiles segments, Durability durability, TimeProvider time, ILogger logger, Action<Exception> failed)
    {
        _gate = gate;
        _segments = segments;
        _syncEach = durability == Durability.Disk;
        _logger = logger;
        _failed = failed;
        _syncLater = time.CreateTimer(_ => SyncNow(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _writer = new Thread(Run) { IsBackground = true, Name = "broker journal" };
    }

    public long Last { get; private set; }

    public long Durable => Volatile.Read(ref _durable);

    /// <summary>Bytes of records since this start: decides when a checkpoint is due.</summary>
    public long Appended => Volatile.Read(ref _appended);

    /// <summary>Bytes that wait for the writer.</summary>
    public int Waiting => _filling.Length;

    public long Syncs { get; private set; }

    public double LastSyncMs { get; private set; }

    public long FileBytes => _files?.Bytes ?? 0;

    /// <summary>The disk refused: the state is dropped and recovered.</summary>
    public bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>False when the disk is nearly full or too much waits for it: nothing big is taken then.</summary>
    public bool TakesRecords { get; set; }

    /// <summary>From now on entries are taken.</summary>
    /// <param name="last">The last entry that recovery found.</param>
    public void Start(JournalFiles files, long last)
    {
        _files = files;
        Last = _durable = last;
        TakesRecords = true;
        _writer.Start();
    }

    /// <summary>Calls once when so many bytes more were appended. Under the gate, and it is called there.</summary>
    public void CallAfter(long bytes, Action due) => (_checkpointAt, _checkpointDue) = (_appended + bytes, due);

    public long Append(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        payload.CopyTo(Begin(kind, payload.Length));
        return Commit(payload.Length);
    }

    /// <summary>Room for an entry's payload; it counts once <see cref="Commit"/> is called. Under the gate.</summary>
    public Span<byte> Begin(EntryKind kind, int payloadBytes)
    {
        if (_failure is not null || _stopping || _files is null)
            throw new JournalFailedException("the broker's journal cannot be written: " + (_failure?.Message ?? "the broker starts or stops"), _failure);
        return _filling.Begin(kind, Last + 1, payloadBytes);
    }

    public long Commit(int payloadBytes)
    {
        _filling.Commit(++Last, payloadBytes);
        Volatile.Write(ref _appended, _appended + payloadBytes + JournalFormat.RecordHeaderBytes);
        Wake();
        if (_appended >= _checkpointAt)
        {
            _checkpointAt = long.MaxValue;
            _checkpointDue!();
        }
        return Last;
    }

    public ValueTask WhenDurableAsync(long entry)
    {
        if (entry <= Volatile.Read(ref _durable))
            return default;
        lock (_gate)
        {
            if (entry <= _durable)
                return default;
            ArgumentOutOfRangeException.ThrowIfGreaterThan(entry, Last);
            if (_failure is { } failure)
                return ValueTask.FromException(Failed(failure));
            return new(_isWriting && entry <= _writing.Last ? _writing.WhenDurable : _filling.WhenDurable);
        }
    }

    public void Write(Segment segment, long position, ReadOnlySpan<byte> bytes)
    {
        _filling.Add(segment, position, bytes);
        Wake();
    }

    public void Remove(Segment segment)
    {
        _filling.AddRemoval(segment);
        Wake();
    }

    public void RemoveFolder(PartitionLog log)
    {
        _filling.AddRemoval(log);
        Wake();
    }

    public void Changed(PartitionLog log)
    {
        if (log.IsListed)
            return;
        log.IsListed = true;
        _filling.Changed.Add(new(log, 0, 0, null, 0, default));
    }

    /// <summary>Under the gate, together with copying the state: says where the journal goes on behind that state once everything before is
    /// in the journal and in the segments.</summary>
    public Task<CheckpointMark> MarkAsync()
    {
        if (_failure is { } failure)
            return Task.FromException<CheckpointMark>(Failed(failure));
        TaskCompletionSource<CheckpointMark> reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _filling.Mark = (_filling.Length, reached);
        Wake();
        return reached.Task;
    }

    /// <summary>Journal files behind a checkpoint may be used again.</summary>
    public void Recycle(JournalPosition checkpoint) => _files!.Recycle(checkpoint);

    /// <summary>The disk refused something that entries rest on. Any thread, outside the gate.</summary>
    public void Fail(Exception failure) => Fail(failure, tell: true);

    /// <summary>Gives back the memory that a burst took, when nothing waits.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            if (_filling.IsEmpty)
                _filling.Trim();
            if (!_isWriting)
                _writing.Trim();
        }
    }

    /// <summary>Writes what has gathered, then stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
            Wake();
        }
        if (_writer.IsAlive && Thread.CurrentThread != _writer)
            _writer.Join();
        _syncLater.Dispose();
        if (_failure is null && !_syncEach && _files is not null)
            SyncNow();
        Fail(new ObjectDisposedException(nameof(Journal), "the broker stops"), tell: false);
        _files?.Dispose();
    }

    private void Wake()
    {
        if (!_writerSleeps)
            return;
        _writerSleeps = false;
        _work.Set();
    }

    private void Fail(Exception failure, bool tell)
    {
        lock (_gate)
        {
            if (_failure is not null)
                return;
            _failure = failure;
            var told = Failed(failure);
            _writing.Fail(told);
            _filling.Fail(told);
            Wake();
        }
        if (!tell)
            return;
        StorageLog.JournalFailed(_logger, failure);
        _failed(failure);
    }

    private static JournalFailedException Failed(Exception failure) =>
        new("the broker's journal cannot be written: " + failure.Message, failure);
}
