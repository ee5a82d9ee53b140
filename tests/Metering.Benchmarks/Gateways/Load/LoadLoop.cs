using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Metering.Benchmarks.Gateways.Load;

/// <summary>A connection of the generator, with at most one request under way.</summary>
internal sealed class LoadConnection
{
    public required Socket Socket { get; init; }

    public AnswerReader Reader { get; } = new();

    /// <summary>When the request under way was due; -1 = none is.</summary>
    public long DueAt { get; set; } = -1;

    /// <summary>When a part of the answer's body came last; 0 = none yet.</summary>
    public long HeardAt { get; set; }

    public bool IsClosed { get; set; }
}

/// <summary>
/// The generator's one thread: sends when a request is due, reads what has come, and measures. In ns of the monotonic clock. What
/// kinds of load differ in is when requests are due and what follows an answer.
/// </summary>
internal abstract class LoadLoop(LoadOrder order) : IDisposable
{
    /// <summary>A request that is due when another is answered.</summary>
    protected const long Never = long.MaxValue;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly byte[] _request = Encoding.UTF8.GetBytes(
        $"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{order.Port}\r\nAuthorization: Bearer {order.Secret}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(order.Body)}\r\n\r\n{order.Body}");
    private readonly byte[] _received = new byte[64 << 10];
    private readonly Epoll _epoll = new();
    private readonly List<LoadConnection> _connections = [];
    // The longest idle one first: a target's clients are many.
    private readonly Queue<LoadConnection> _free = new();
    private long _timerAt;
    private int _failed;
    private string? _firstFailure;

    protected LoadOrder Order { get; } = order;

    /// <summary>From due to answered, or to the first token.</summary>
    protected Percentiles Latencies { get; } = new(1 << 16);

    protected Percentiles Gaps { get; } = new(1 << 16);

    protected long Begin { get; private set; }

    protected int Answered { get; private set; }

    protected int UnderWay { get; private set; }

    /// <summary>When the next request is due; null = none comes any more.</summary>
    protected abstract long? NextDue { get; }

    /// <summary>Connections that are made before the load begins.</summary>
    protected abstract int FirstConnections { get; }

    public LoadReport Run()
    {
        for (var i = 0; i < FirstConnections; i++)
            _free.Enqueue(Connect());
        Begin = Stopwatch.GetTimestamp();
        Span<int> ready = stackalloc int[256];
        while (NextDue is not null || UnderWay > 0)
        {
            SendDue();
            var count = _epoll.Wait(ready, (int)Patience.TotalMilliseconds);
            if (count == 0)
                throw new InvalidOperationException($"{UnderWay} requests were not answered within {Patience}");
            foreach (var token in ready[..count])
            {
                if (token != Epoll.Timer)
                    Receive(_connections[token]);
            }
        }
        return new LoadReport
        {
            Answered = Answered,
            Failed = _failed,
            FirstFailure = _firstFailure,
            Seconds = Stopwatch.GetElapsedTime(Begin).TotalSeconds,
            P50Us = Latencies.At(0.5) / 1e3,
            P99Us = Latencies.At(0.99) / 1e3,
            GapP99Us = Gaps.At(0.99) / 1e3,
        };
    }

    /// <summary>The request that was due has been sent.</summary>
    protected abstract void Sent();

    /// <summary>A part of a body has come.</summary>
    protected virtual void Heard(LoadConnection connection, long now)
    {
    }

    /// <summary>An answer is complete.</summary>
    protected abstract void Complete(LoadConnection connection, long now);

    public void Dispose()
    {
        foreach (var connection in _connections)
            connection.Socket.Dispose();
        _epoll.Dispose();
    }

    private void SendDue()
    {
        while (NextDue is { } due)
        {
            if (due > Stopwatch.GetTimestamp())
            {
                if (due != _timerAt && due != Never)
                    _epoll.SetTimer(_timerAt = due);
                return;
            }
            LoadConnection? connection;
            while (_free.TryDequeue(out connection) && connection.IsClosed)
                continue; // the server has closed it meanwhile
            connection ??= Connect();
            (connection.DueAt, connection.HeardAt) = (due, 0);
            connection.Reader.Reset();
            UnderWay++;
            if (connection.Socket.Send(_request, SocketFlags.None, out var error) != _request.Length)
                Fail(connection, $"a request could not be sent: {error}");
            Sent();
        }
    }

    private void Receive(LoadConnection connection)
    {
        if (connection.IsClosed)
            return;
        var read = connection.Socket.Receive(_received, SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
            return;
        if (read <= 0 || connection.DueAt < 0)
        {
            Fail(connection, connection.DueAt < 0 ? null : $"a connection ended before its answer: {error}");
            return;
        }
        var now = Stopwatch.GetTimestamp();
        if (connection.Reader.Feed(_received.AsSpan(0, read)) > 0)
        {
            Heard(connection, now);
            connection.HeardAt = now;
        }
        if (connection.Reader.IsComplete)
            End(connection, now);
    }

    private void End(LoadConnection connection, long now)
    {
        if (connection.Reader.Status != 200)
        {
            Fail(connection, $"status {connection.Reader.Status}: {Encoding.UTF8.GetString(_received.AsSpan(0, 400))}");
            return;
        }
        Answered++;
        UnderWay--;
        Complete(connection, now);
        connection.DueAt = -1;
        if (connection.Reader.Closes)
            Close(connection);
        else
            _free.Enqueue(connection);
    }

    // Without a reason it was idle: servers may close what is.
    private void Fail(LoadConnection connection, string? reason)
    {
        if (reason is not null)
        {
            _firstFailure ??= reason;
            _failed++;
            UnderWay--;
            connection.DueAt = -1;
        }
        Close(connection);
    }

    private static void Close(LoadConnection connection)
    {
        connection.IsClosed = true;
        connection.Socket.Dispose(); // epoll forgets what is closed
    }

    private LoadConnection Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, Order.Port);
        socket.Blocking = false;
        var connection = new LoadConnection { Socket = socket };
        _connections.Add(connection);
        _epoll.Watch(socket.Handle, _connections.Count - 1);
        return connection;
    }
}
