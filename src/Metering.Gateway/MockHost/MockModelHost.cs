using System.Net;
using Metering.Gateway.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Gateway.MockHost;

/// <summary>
/// A model host that computes nothing: OpenAI's chat completions, streamed and not, in the pace and with the failures that
/// <see cref="Behaviour"/> says, and exact totals at <c>/stats</c>. It is built for benchmarks: its work a request is a small
/// part of a gateway's.
/// </summary>
public sealed class MockModelHost : IAsyncDisposable
{
    private static readonly TimeSpan StopsWithin = TimeSpan.FromSeconds(1);

    private readonly MockApplication _application;
    private readonly BareServer _server;

    private MockModelHost(MockApplication application, BareServer server)
    {
        _application = application;
        _server = server;
    }

    /// <summary>The port that it listens on, also when a free one was asked for.</summary>
    public int Port => _server.Port;

    /// <summary><c>http://host:port</c>; OpenAI's API is below <c>/v1</c>.</summary>
    public string Address => _server.Address;

    /// <summary>Holds for requests that arrive from now on.</summary>
    public MockBehaviour Behaviour
    {
        get => _application.Behaviour;
        set => _application.Behaviour = value;
    }

    /// <summary>The totals of this moment.</summary>
    public MockStats Stats => _application.Counters.Read();

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">Null = loopback.</param>
    /// <param name="port">0 takes a free one.</param>
    /// <exception cref="GatewayStartException">The port is taken or may not be used.</exception>
    public static async Task<MockModelHost> StartAsync(
        MockBehaviour? behaviour = null, int port = 0, IPAddress? listen = null, ILoggerFactory? loggers = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        var application = new MockApplication(behaviour ?? new MockBehaviour(), time ?? TimeProvider.System);
        var server = await BareServer.StartAsync(application, listen ?? IPAddress.Loopback, port, "--host-port", loggers ?? NullLoggerFactory.Instance,
            static limits => limits.MaxRequestBodySize = 64 << 20, cancellationToken);
        return new MockModelHost(application, server);
    }

    /// <summary>Stops like a host that dies: what is under way is cut.</summary>
    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>Lets short answers end, for a second at most.</summary>
    public async Task StopAsync()
    {
        using var limit = new CancellationTokenSource(StopsWithin);
        await _server.StopAsync(limit.Token);
    }
}
