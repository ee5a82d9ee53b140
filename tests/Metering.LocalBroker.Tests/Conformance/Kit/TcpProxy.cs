using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>
/// Stands between a client and a broker, frame by frame, and breaks what a test asks for: an answer that is lost with its
/// connection, a request that arrives only in part. The broker's address in answers is replaced by the proxy's own, so
/// that the client stays with it.
/// </summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[] _brokersAddress, _ownAddress;
    private readonly int _brokerPort;
    private readonly Task _accepting;
    private int _lost;

    public TcpProxy(int brokerPort)
    {
        _listener.Start();
        _brokerPort = brokerPort;
        (_brokersAddress, _ownAddress) = (Address(brokerPort), Address(((IPEndPoint)_listener.LocalEndpoint).Port));
        _accepting = AcceptAsync();
    }

    public string Endpoint => _listener.LocalEndpoint.ToString()!;

    /// <summary>Asked for each answer, by the call's number: true loses it and cuts the connection.</summary>
    public Func<short, bool> LosesAnswer { get; set; } = _ => false;

    /// <summary>Asked for each request: true sends half of it and cuts the connection.</summary>
    public Func<short, bool> CutsRequest { get; set; } = _ => false;

    /// <summary>How many answers and requests were lost.</summary>
    public int Lost => Volatile.Read(ref _lost);

    private static byte[] Address(int port)
    {
        var address = new byte["127.0.0.1".Length + 4];
        Encoding.ASCII.GetBytes("127.0.0.1", address);
        BinaryPrimitives.WriteInt32BigEndian(address.AsSpan("127.0.0.1".Length), port);
        return address;
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var broker = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            try
            {
                await broker.ConnectAsync(IPAddress.Loopback, _brokerPort, end.Token);
                var calls = new ConcurrentDictionary<int, short>();
                var first = await Task.WhenAny(
                    RequestsAsync(client.GetStream(), broker.GetStream(), calls, end.Token),
                    AnswersAsync(broker.GetStream(), client.GetStream(), calls, end.Token));
                await end.CancelAsync();
                await first;
            }
            catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
            {
                // One side is gone; the other learns it by its socket's end.
            }
        }
    }

    private async Task RequestsAsync(NetworkStream from, NetworkStream to, ConcurrentDictionary<int, short> calls, CancellationToken cancellationToken)
    {
        while (await ReadFrameAsync(from, cancellationToken) is { } frame)
        {
            var api = BinaryPrimitives.ReadInt16BigEndian(frame.AsSpan(4));
            calls[BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(8))] = api;
            if (CutsRequest(api))
            {
                Interlocked.Increment(ref _lost);
                await to.WriteAsync(frame.AsMemory(0, frame.Length / 2), cancellationToken);
                return;
            }
            await to.WriteAsync(frame, cancellationToken);
        }
    }

    private async Task AnswersAsync(NetworkStream from, NetworkStream to, ConcurrentDictionary<int, short> calls, CancellationToken cancellationToken)
    {
        while (await ReadFrameAsync(from, cancellationToken) is { } frame)
        {
            calls.TryRemove(BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4)), out var api);
            if (LosesAnswer(api))
            {
                Interlocked.Increment(ref _lost);
                return;
            }
            // Metadata 3, FindCoordinator 10, DescribeCluster 60.
            for (int at, start = 8; api is 3 or 10 or 60 && (at = frame.AsSpan(start).IndexOf(_brokersAddress)) >= 0; start += at + _ownAddress.Length)
                _ownAddress.CopyTo(frame.AsSpan(start + at));
            await to.WriteAsync(frame, cancellationToken);
        }
    }

    // With its length.
    private static async Task<byte[]?> ReadFrameAsync(NetworkStream from, CancellationToken cancellationToken)
    {
        var length = new byte[4];
        if (await from.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, cancellationToken) < 4)
            return null;
        var frame = new byte[4 + BinaryPrimitives.ReadInt32BigEndian(length)];
        length.CopyTo(frame, 0);
        await from.ReadExactlyAsync(frame.AsMemory(4), cancellationToken);
        return frame;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }
}
