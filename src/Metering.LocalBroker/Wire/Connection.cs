using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Wire;

/// <summary>
/// One client's connection: a task that takes requests one after the other and runs them, and a task that sends their
/// replies in order. A fetch or join that waits holds the next request back, as in Kafka. Idle, it holds no buffer.
/// </summary>
internal sealed class Connection : IDisposable
{
    /// <summary>As Kafka's connection.failed.authentication.delay.ms: clients with a wrong password try again at once, and for ever.</summary>
    private static readonly TimeSpan RefusalDelay = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly CancellationTokenSource _gone = new();
    private readonly CancellationTokenSource _aborted;
    private readonly ILogger _logger;
    private readonly FrameReader _frames;
    private readonly ReplyQueue _replies;
    private readonly CallContext _context;
    private readonly RequestHandler _handler;
    private Task _watching = Task.CompletedTask;

    /// <param name="stopping">Ends intake; what has been taken is answered.</param>
    public Connection(Socket socket, Func<BrokerState?> state, string clusterId, LocalBrokerOptions options, ILogger logger, CancellationToken stopping)
    {
        _socket = socket;
        _socket.NoDelay = true;
        _aborted = CancellationTokenSource.CreateLinkedTokenSource(stopping, _gone.Token);
        _logger = logger;
        var local = (IPEndPoint)socket.LocalEndPoint!;
        var sasl = new SaslState(options.Users);
        _context = new CallContext
        {
            CurrentState = state,
            Options = options,
            ClusterId = clusterId,
            Host = Plain(local.Address).ToString(),
            Port = local.Port,
            ClientHost = "/" + Plain(((IPEndPoint)socket.RemoteEndPoint!).Address),
            Sasl = sasl,
            Aborted = _aborted.Token,
        };
        _handler = new RequestHandler(_context);
        _replies = new ReplyQueue(socket);
        // Zero-byte reads: a connection without traffic has no buffer.
        _frames = new FrameReader(
            PipeReader.Create(new NetworkStream(socket, ownsSocket: false), new StreamPipeReaderOptions(bufferSize: 64 * 1024, useZeroByteReads: true)), sasl);
    }

    /// <summary>Until the client has gone, asked for what nobody may, or the broker stops.</summary>
    public async Task RunAsync()
    {
        var sending = SendAsync();
        try
        {
            await ReceiveAsync();
        }
        catch (MalformedRequestException malformed)
        {
            WireLog.Malformed(_logger, _context.ClientHost, malformed.Message);
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
        {
            WireLog.Gone(_logger, _context.ClientHost, failure.Message);
        }
        catch (Exception defect)
        {
            WireLog.CallFailed(_logger, _context.Call.Key, _context.Version, _context.ClientHost, defect);
        }
        _replies.Complete();
        await sending;
        await _watching;
    }

    /// <summary>Closes the socket under the tasks that use it; they end by it.</summary>
    public void Sever() => _socket.Dispose();

    /// <summary>Once <see cref="RunAsync"/> is over.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _aborted.Dispose();
        _gone.Dispose();
    }

    private async Task ReceiveAsync()
    {
        while (!_aborted.IsCancellationRequested)
        {
            using var frame = await _frames.ReadAsync(_aborted.Token);
            if (frame is null)
                return;
            var handling = _handler.HandleAsync(frame.Memory);
            if (!handling.IsCompleted && _watching.IsCompleted)
                _watching = _frames.WatchForEndAsync(_gone.Cancel, _aborted.Token);
            var reply = await handling;
            var close = reply.CloseAfterwards;
            if (close && !_context.Sasl.IsAuthenticated)
                await Task.Delay(RefusalDelay, _context.Options.Time, _aborted.Token);
            // Not ended by a stop of the broker: what was done is answered.
            await _replies.AddAsync(reply, _gone.Token);
            if (close)
                return;
        }
    }

    private async Task SendAsync()
    {
        try
        {
            await _replies.SendAllAsync(CancellationToken.None);
        }
        catch (Exception failure) when (failure is IOException or SocketException or ObjectDisposedException)
        {
            WireLog.Gone(_logger, _context.ClientHost, failure.Message);
        }
        catch (Exception defect)
        {
            WireLog.CallFailed(_logger, _context.Call.Key, _context.Version, _context.ClientHost, defect);
        }
        // Nothing can be answered any more: the receiving task need not wait for more requests.
        await _gone.CancelAsync();
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
