using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Metering.Gateway.Hosting;

/// <summary>
/// Kestrel without the web host around it: no middleware, no scopes, no activities, one call a request. The application's
/// code runs on the thread that read the socket (see <see cref="InlineCompletions"/>), so it must never block.
/// </summary>
internal sealed class BareServer : IAsyncDisposable
{
    private readonly KestrelServer _server;

    private BareServer(KestrelServer server, IPEndPoint endPoint)
    {
        _server = server;
        Port = endPoint.Port;
        // Who listens on all addresses is told the one that works from here.
        var host = endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : endPoint.Address;
        Address = $"http://{new IPEndPoint(host, endPoint.Port)}";
    }

    /// <summary>The port that it listens on, also when a free one was asked for.</summary>
    public int Port { get; }

    /// <summary><c>http://host:port</c></summary>
    public string Address { get; }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="GatewayStartException">The port is taken or may not be used.</exception>
    public static async Task<BareServer> StartAsync<TContext>(
        IHttpApplication<TContext> application, IPAddress listen, int port, string flag, ILoggerFactory loggers, Action<KestrelServerLimits> limit, CancellationToken cancellationToken)
        where TContext : notnull
    {
        var options = new KestrelServerOptions { AddServerHeader = false, AllowSynchronousIO = false };
        limit(options.Limits);
        ListenOptions? bound = null;
        options.Listen(listen, port, endPoint =>
        {
            endPoint.Protocols = HttpProtocols.Http1;
            bound = endPoint;
        });
        var transport = new SocketTransportOptions
        {
            NoDelay = true, // a chunk of a stream never waits for the acknowledgement of the one before it
            UnsafePreferInlineScheduling = true,
        };
        var server = new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(transport), loggers), loggers);
        try
        {
            await server.StartAsync(application, cancellationToken);
        }
        catch (Exception e)
        {
            server.Dispose();
            if (e is IOException or SocketException or UnauthorizedAccessException)
                throw new GatewayStartException(flag, port, listen, e);
            throw;
        }
        return new BareServer(server, bound!.IPEndPoint!);
    }

    /// <summary>Takes no more connections; those that are idle close, those at work may finish until the token is cancelled.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(new CancellationToken(canceled: true));
        _server.Dispose();
    }
}
