using System.Net;
using Metering.Server.Health;
using Metering.Server.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;

namespace Metering.Server;

/// <summary>A role's own HTTP server: <c>/metrics</c>, <c>/health/live</c>, <c>/health/ready</c> and a first page.
/// Reads no configuration of its own and takes no signals: its owner stops it by disposing it.</summary>
public sealed class ServerHost : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly MeterBridge _bridge;

    private ServerHost(WebApplication application, MeterBridge bridge, int port, IPAddress listen)
    {
        _application = application;
        _bridge = bridge;
        Port = port;
        // Who listens on all addresses is told the one that works from here.
        var host = listen.Equals(IPAddress.Any) || listen.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : listen;
        Address = $"http://{new IPEndPoint(host, port)}";
    }

    /// <summary>The port that it listens on, also when a free one was asked for.</summary>
    public int Port { get; }

    /// <summary><c>http://host:port</c></summary>
    public string Address { get; }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="ServerStartException">The port is taken or may not be used.</exception>
    public static async Task<ServerHost> StartAsync(ServerOptions options, CancellationToken cancellationToken = default)
    {
        var registry = Prometheus.Metrics.NewCustomRegistry();
        // Process and runtime figures, in this server's own registry: a second server in the process has its own.
        DotNetStats.Register(registry);
        var bridge = new MeterBridge(registry);
        var application = Build(options, registry);
        try
        {
            await application.StartAsync(cancellationToken);
        }
        catch (Exception e)
        {
            bridge.Dispose();
            await application.DisposeAsync();
            if (e is IOException or System.Net.Sockets.SocketException or UnauthorizedAccessException)
                throw new ServerStartException(options, e);
            throw;
        }
        var addresses = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        var port = new Uri(addresses.Addresses.First()).Port;
        return new ServerHost(application, bridge, port, options.Listen);
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
        _bridge.Dispose();
    }

    private static WebApplication Build(ServerOptions options, CollectorRegistry registry)
    {
        // The empty builder: no appsettings.json of the working directory, no ASPNETCORE_URLS, no console log.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, OwnedLifetime>();
        builder.Services.AddSingleton(options.Loggers ?? NullLoggerFactory.Instance);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(options.Listen, options.Port);
        });
        var application = builder.Build();
        application.UseRouting();
        application.MapMetrics("/metrics", registry);
        HealthEndpoints.Map(application, options.Readiness, options.Time);
        FrontPage.Map(application);
        options.Endpoints?.Invoke(application);
        return application;
    }

    /// <summary>Signals belong to the process's main loop.</summary>
    private sealed class OwnedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
