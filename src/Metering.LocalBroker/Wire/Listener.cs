using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Wire;

/// <summary>Takes connections, at most so many, and owns their tasks.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AcceptBackoff = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<Connection, Task> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Socket _socket;
    private readonly Func<BrokerState?> _state;
    private readonly string _clusterId;
    private readonly LocalBrokerOptions _options;
    private readonly ILogger _logger;
    private readonly Task _accepting;
    private int _count;

    private Listener(Socket socket, Func<BrokerState?> state, string clusterId, LocalBrokerOptions options)
    {
        _socket = socket;
        _state = state;
        _clusterId = clusterId;
        _options = options;
        _logger = options.Loggers.CreateLogger<Listener>();
        Endpoint = (IPEndPoint)socket.LocalEndPoint!;
        _accepting = AcceptAllAsync();
    }

    public IPEndPoint Endpoint { get; }

    public int Connections => Volatile.Read(ref _count);

    /// <param name="state">Read anew for each request.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    public static Listener Start(Func<BrokerState?> state, string clusterId, LocalBrokerOptions options)
    {
        var socket = new Socket(options.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(options.Address, options.Port));
            socket.Listen(512);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"the local broker cannot listen on {new IPEndPoint(options.Address, options.Port)} ({failure.Message}): give it another port, or 0 for a free one", failure);
        }
        return new Listener(socket, state, clusterId, options);
    }

    /// <summary>Takes no more requests, sends the replies of those that it has within 5 s, closes all.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _socket.Dispose();
        var ends = Task.WhenAll(_connections.Values);
        try
        {
            await ends.WaitAsync(StopWithin);
        }
        catch (TimeoutException)
        {
            // Peers that do not read their replies.
            foreach (var connection in _connections.Keys)
                connection.Sever();
            await ends;
        }
        _stopping.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Take(await _socket.AcceptAsync(_stopping.Token));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException failure)
            {
                // No file handles left, or a client that went away before we looked: neither ends the broker.
                WireLog.AcceptFailed(_logger, failure.Message);
                await Task.Delay(AcceptBackoff, _options.Time, CancellationToken.None);
            }
        }
    }

    private void Take(Socket client)
    {
        if (Volatile.Read(ref _count) >= WireLimits.Connections)
        {
            WireLog.TooManyConnections(_logger, Connections, client.RemoteEndPoint);
            client.Dispose();
            return;
        }
        Connection connection;
        try
        {
            connection = new Connection(client, _state, _clusterId, _options, _logger, _stopping.Token);
        }
        catch
        {
            client.Dispose();
            throw;
        }
        Interlocked.Increment(ref _count);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = RunAsync(connection, ready.Task);
        ready.SetResult();
    }

    /// <param name="listed">The connection stands in the table that it will be taken out of.</param>
    private async Task RunAsync(Connection connection, Task listed)
    {
        await listed;
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            connection.Dispose();
            _connections.TryRemove(connection, out _);
            Interlocked.Decrement(ref _count);
        }
    }
}
