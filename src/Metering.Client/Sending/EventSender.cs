using Metering.Client.Spool;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Sending;

/// <summary>
/// Step 1 of the path, second half: reads the spool in order and sends what it finds, one thread for all. At most a window
/// is un-acknowledged (R3). After any failure a new producer resends from the first un-acknowledged event on, in order:
/// what the broker already had is a duplicate that METER can prove.
/// </summary>
internal sealed class EventSender : IDisposable
{
    // At 1,000 events/s naps of 1 ms cost a gateway more CPU than all its own work on a request; the client lingers for 5 ms anyway.
    private const int ShortestNapMs = 8;
    private const int LongestNapMs = 16;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private readonly EventSpool _spool;
    private readonly SchemaIds _ids;
    private readonly TransportFactory _connect;
    private readonly SenderOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SpoolPosition _head;
    private IEventTransport? _transport;
    private string? _trouble;
    private volatile bool _stopping;
    private volatile bool _sleeping;
    private long _settledEpoch;
    private (long Segment, long Offset) _reported;
    private bool _formerRunsSettled;
    private int _napMs = ShortestNapMs;
    private TimeSpan _pause = FirstPause;
    private ulong _schema;
    private int _schemaId;

    public EventSender(EventSpool spool, SchemaIds ids, TransportFactory connect, SenderOptions options, TimeProvider clock, ILogger log)
    {
        _spool = spool;
        _ids = ids;
        _connect = connect;
        _options = options;
        _clock = clock;
        _log = log;
        _head = spool.Start!.Value;
        _settledEpoch = _head.Epoch;
        _thread = new Thread(Run) { IsBackground = true, Name = "metering-sender" };
    }

    /// <summary>Beats whenever events were settled.</summary>
    public Pulse Settled { get; } = new();

    /// <summary>The transport in use, for reports; null while there is none.</summary>
    public IEventTransport? Transport => Volatile.Read(ref _transport);

    /// <summary>What keeps events from being sent, or null.</summary>
    public string? Trouble => Volatile.Read(ref _trouble) ?? _ids.Trouble;

    /// <summary>True once everything that former runs left is settled: their epochs can be closed (R6).</summary>
    public bool FormerRunsSettled => Volatile.Read(ref _formerRunsSettled);

    public void Start() => _thread.Start();

    /// <summary>There is something to send. Cheap when the sender is at work.</summary>
    public void Wake()
    {
        // Pairs with the fence in Sleep: either the sender sees the append, or we see that it sleeps.
        Interlocked.MemoryBarrier();
        if (_sleeping)
            _wake.Set();
    }

    /// <summary>Ends the thread; what is in flight is given up and stays in the spool.</summary>
    public async Task StopAsync()
    {
        _stopping = true;
        _wake.Set();
        await _ended.Task;
    }

    public void Dispose() => _wake.Dispose();

    private void Run()
    {
        while (!_stopping)
        {
            try
            {
                var reason = Fly();
                if (reason is null)
                    break;
                Volatile.Write(ref _trouble, reason);
                ClientLog.Resending(_log, _head.Epoch, _head.Sequence + 1, (long)_pause.TotalMilliseconds, reason);
            }
            catch (Exception e)
            {
                // The loop's top: whatever it was, the spool holds everything from the head on.
                Volatile.Write(ref _trouble, e.Message);
                ClientLog.SenderStumbled(_log, e);
            }
            Pause();
        }
        _ended.SetResult();
    }

    // One transport's life. Returns why it ended; null when the sender stops.
    private string? Fly()
    {
        var flight = new Flight(_options.Window);
        using var transport = _connect(flight, _options.Window);
        Volatile.Write(ref _transport, transport);
        try
        {
            using var reader = _spool.OpenReader(_head);
            reader.Reported = _reported;
            var waiting = false;
            while (!_stopping)
            {
                var settled = Settle(flight, waiting ? null : reader);
                _reported = reader.Reported;
                if (flight.Failure is { } reason)
                    return reason;
                var sent = Send(flight, transport, reader, ref waiting);
                if (settled || sent)
                    _napMs = ShortestNapMs;
                if (!sent)
                    Sleep(flight, reader, waiting);
            }
            Settle(flight, waiting ? null : reader);
            return null;
        }
        finally
        {
            Volatile.Write(ref _transport, null);
        }
    }

    /// <param name="flight">Where what is sent is noted.</param>
    /// <param name="transport">Takes it.</param>
    /// <param name="reader">Stands behind the last event that was read.</param>
    /// <param name="waiting">The event that was read last could not be sent yet.</param>
    private bool Send(Flight flight, IEventTransport transport, SpoolReader reader, ref bool waiting)
    {
        var sent = false;
        // Looked at once a round: fifteen days need no finer clock.
        var oldestMicros = NowMicros() - (long)_options.MaxAge.TotalMicroseconds;
        while (!flight.IsFull && flight.Failure is null)
        {
            if (!waiting && !reader.TryRead())
                break;
            waiting = true;
            if (reader.Head.AppendedAtMicros < oldestMicros)
            {
                flight.Add(new Flight.Entry(reader.Position, 1 + reader.TakeMissing(), Expired: true), done: true);
            }
            else
            {
                if (!HasSchemaId(reader.Header.Schema))
                    break;
                var value = reader.Wire;
                WireFormat.WriteHeader(value, _schemaId);
                if (!transport.TrySend(value, flight.NextSlot))
                    break;
                flight.Add(new Flight.Entry(reader.Position, 1 + reader.TakeMissing(), Expired: false));
            }
            waiting = false;
            sent = true;
        }
        return sent;
    }

    private bool HasSchemaId(ulong schema)
    {
        if (schema == _schema && _schemaId > 0)
            return true;
        if (!_ids.TryGet(schema, out var id))
            return false;
        _schema = schema;
        _schemaId = id;
        return true;
    }

    // Takes what has landed off the ring and tells the spool once. The reader is given when nothing that it read waits to be sent.
    private bool Settle(Flight flight, SpoolReader? reader)
    {
        long events = 0;
        long expired = 0;
        while (flight.TryTakeLanded(out var entry))
        {
            if (entry.After.Epoch != _settledEpoch)
                Tell(ref events, ref expired, entry.After.Epoch);
            _head = entry.After;
            events += entry.Events;
            expired += entry.Expired ? 1 : 0;
        }
        var moved = events > 0;
        if (moved)
        {
            Tell(ref events, ref expired, _head.Epoch);
            _pause = FirstPause;
            Volatile.Write(ref _trouble, null);
        }
        if (flight.Count == 0 && reader is not null)
            FollowReader(reader.Position);
        if (_head.Segment >= _spool.FirstOwnSegment)
            Volatile.Write(ref _formerRunsSettled, true);
        if (moved)
            Settled.Beat();
        return moved;
    }

    private void Tell(ref long events, ref long expired, long nextEpoch)
    {
        if (events > 0)
        {
            var account = _spool.Book.Find(_settledEpoch);
            account?.Settled(_head.Sequence);
            if (expired > 0)
            {
                account?.AddExpired(expired);
                ClientLog.Expired(_log, expired, _settledEpoch, _head.Sequence, _options.MaxAge.TotalDays);
                _spool.Book.Save();
            }
            _spool.Settle(_head, events);
            events = 0;
            expired = 0;
        }
        if (nextEpoch != _settledEpoch)
        {
            // The cursor is about to leave the epoch: its account must be on disk first.
            _spool.Book.Save();
            _settledEpoch = nextEpoch;
        }
    }

    // Nothing in flight: whole segments behind the reader can go, and former runs are done once it stands in ours.
    private void FollowReader(in SpoolPosition position)
    {
        if (position.Segment > _head.Segment)
        {
            if (position.Epoch != _settledEpoch)
            {
                _spool.Book.Save();
                _settledEpoch = position.Epoch;
            }
            _head = position;
            _spool.Settle(_head, 0);
        }
    }

    // Short naps while something is in flight, so that publishing threads need not wake anybody; a real sleep when all is done.
    private void Sleep(Flight flight, SpoolReader reader, bool waiting)
    {
        if (_napMs == ShortestNapMs)
        {
            _wake.WaitOne(_napMs);
            _napMs *= 2;
            return;
        }
        _sleeping = true;
        Interlocked.MemoryBarrier();
        var idle = flight.Count == 0 && !waiting;
        if (!_stopping && flight.Failure is null && !(reader.HasMore && !flight.IsFull && !waiting))
            _wake.WaitOne(idle ? 1000 : _napMs);
        _sleeping = false;
        _napMs = Math.Min(_napMs * 2, LongestNapMs);
    }

    private void Pause()
    {
        var began = _clock.GetTimestamp();
        while (!_stopping && _clock.GetElapsedTime(began) < _pause)
            _wake.WaitOne(20);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }

    private long NowMicros() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}

/// <param name="Window">Un-acknowledged at most (R3).</param>
/// <param name="MaxAge">Since the append; older events expire (R2).</param>
internal sealed record SenderOptions(int Window, TimeSpan MaxAge);
