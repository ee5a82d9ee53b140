using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>Connections over sockets: order, limits, hostile frames, SASL, stopping.</summary>
public sealed class ListenerTests : IAsyncLifetime
{
    private readonly Listener _listener = Start([]);
    private readonly CancellationToken _deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    [Fact]
    public async Task Requests_sent_at_once_are_answered_in_their_order()
    {
        using var client = await ConnectAsync(_listener);
        var all = new List<byte>();
        for (var i = 0; i < 200; i++)
            all.AddRange(WithLength(InProcess.Frame(ApiKey.ApiVersions, (short)(i % 4), KafkaMessages.Request(ApiKey.ApiVersions, (short)(i % 4), full: true), i)));
        var sending = client.SendAsync(all.ToArray(), SocketFlags.None, _deadline);
        for (var i = 0; i < 200; i++)
        {
            var response = await ReceiveAsync(client);
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(response));
        }
        await sending;
    }

    [Fact]
    public async Task Request_in_single_bytes_is_answered()
    {
        using var client = await ConnectAsync(_listener);
        foreach (var part in WithLength(InProcess.Frame(ApiKey.ApiVersions, 0, [], 5)))
            await client.SendAsync(new[] { part }, SocketFlags.None, _deadline);
        Assert.Equal(5, BinaryPrimitives.ReadInt32BigEndian(await ReceiveAsync(client)));
    }

    [Theory]
    [InlineData("ffffffff")] // a negative length
    [InlineData("7fffffff")] // 2 GiB
    [InlineData("0100000100010004")] // 16 MiB and a byte, of a call that is not Produce
    [InlineData("0640000100000008")] // 100 MiB and a byte of Produce
    [InlineData("00000000")] // nothing in it
    [InlineData("0000000400120000")] // no header
    [InlineData("47455420")] // GET
    public async Task Hostile_frame_closes_its_connection_and_nothing_else(string hex)
    {
        using var other = await ConnectAsync(_listener);
        using var client = await ConnectAsync(_listener);
        await client.SendAsync(Convert.FromHexString(hex), SocketFlags.None, _deadline);
        Assert.True(await IsClosedAsync(client));
        await other.SendAsync(WithLength(InProcess.Frame(ApiKey.ApiVersions, 0, [], 6)), SocketFlags.None, _deadline);
        Assert.Equal(6, BinaryPrimitives.ReadInt32BigEndian(await ReceiveAsync(other)));
    }

    [Fact]
    public async Task Dispose_closes_idle_connections()
    {
        var listener = Start([]);
        using var client = await ConnectAsync(listener);
        await client.SendAsync(WithLength(InProcess.Frame(ApiKey.ApiVersions, 0, [], 6)), SocketFlags.None, _deadline);
        await ReceiveAsync(client);
        await listener.DisposeAsync();
        Assert.True(await IsClosedAsync(client));
        Assert.Equal(0, listener.Connections);
    }

    [Fact]
    public async Task Peer_that_never_reads_does_not_hold_up_the_stop()
    {
        var listener = Start([]);
        using var client = await ConnectAsync(listener);
        var request = WithLength(InProcess.Frame(ApiKey.ApiVersions, 0, [], 6));
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            while (true)
                await client.SendAsync(request, SocketFlags.None, enough.Token);
        }
        catch (OperationCanceledException)
        {
            // The broker takes no more from who does not read.
        }
        await listener.DisposeAsync().AsTask().WaitAsync(_deadline);
    }

    [Fact]
    public async Task Sasl_plain_lets_the_right_password_in()
    {
        await using var listener = Start(new() { ["ada"] = "secret" });
        using var client = await ConnectAsync(listener);
        await CallAsync(client, ApiKey.SaslHandshake, 1, "0005504c41494e");
        var response = await CallAsync(client, ApiKey.SaslAuthenticate, 1, "0000000b0061646100736563726574");
        Assert.Equal(0, BinaryPrimitives.ReadInt16BigEndian(response.AsSpan(4)));
        var coordinator = await CallAsync(client, ApiKey.FindCoordinator, 0, "000167");
        Assert.Equal((short)ErrorCode.CoordinatorNotAvailable, BinaryPrimitives.ReadInt16BigEndian(coordinator.AsSpan(4)));
    }

    [Fact]
    public async Task Sasl_with_a_bare_token_lets_the_right_password_in()
    {
        await using var listener = Start(new() { ["ada"] = "secret" });
        using var client = await ConnectAsync(listener);
        await CallAsync(client, ApiKey.SaslHandshake, 0, "0005504c41494e");
        await client.SendAsync(Convert.FromHexString("0000000b0061646100736563726574"), SocketFlags.None, _deadline);
        Assert.Empty(await ReceiveAsync(client));
        await CallAsync(client, ApiKey.FindCoordinator, 0, "000167");
    }

    [Fact]
    public async Task Sasl_with_a_wrong_password_is_told_and_closed()
    {
        await using var listener = Start(new() { ["ada"] = "secret" });
        using var client = await ConnectAsync(listener);
        await CallAsync(client, ApiKey.SaslHandshake, 1, "0005504c41494e");
        var response = await CallAsync(client, ApiKey.SaslAuthenticate, 0, "0000000b0061646100736563726554");
        Assert.Equal((short)ErrorCode.SaslAuthenticationFailed, BinaryPrimitives.ReadInt16BigEndian(response.AsSpan(4)));
        Assert.True(await IsClosedAsync(client));
    }

    [Fact]
    public async Task Call_before_authentication_closes_the_connection()
    {
        await using var listener = Start(new() { ["ada"] = "secret" });
        using var client = await ConnectAsync(listener);
        await client.SendAsync(WithLength(InProcess.Frame(ApiKey.FindCoordinator, 0, Convert.FromHexString("000167"))), SocketFlags.None, _deadline);
        Assert.True(await IsClosedAsync(client));
    }

    private static Listener Start(Dictionary<string, string> users) =>
        Listener.Start(() => null, "cluster", new LocalBrokerOptions { Directory = "nowhere", Port = 0, Users = users });

    private static async Task<Socket> ConnectAsync(Listener listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, listener.Endpoint.Port));
        return socket;
    }

    private static byte[] WithLength(byte[] frame)
    {
        var bytes = new byte[frame.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, frame.Length);
        frame.CopyTo(bytes, 4);
        return bytes;
    }

    private async Task<byte[]> CallAsync(Socket client, ApiKey key, short version, string bodyHex)
    {
        await client.SendAsync(WithLength(InProcess.Frame(key, version, Convert.FromHexString(bodyHex))), SocketFlags.None, _deadline);
        return await ReceiveAsync(client);
    }

    private async Task<byte[]> ReceiveAsync(Socket client)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(await ExactlyAsync(client, 4));
        return await ExactlyAsync(client, length);
    }

    private async Task<byte[]> ExactlyAsync(Socket client, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = await client.ReceiveAsync(bytes.AsMemory(read), SocketFlags.None, _deadline);
            Assert.True(more > 0, "the broker closed the connection");
            read += more;
        }
        return bytes;
    }

    private async Task<bool> IsClosedAsync(Socket client)
    {
        try
        {
            return await client.ReceiveAsync(new byte[1], SocketFlags.None, _deadline) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
