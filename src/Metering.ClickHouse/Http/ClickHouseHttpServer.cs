using System.Globalization;
using System.Text;
using System.Text.Json;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Metering.ClickHouse.Http;

/// <summary>
/// The embedded engine behind ClickHouse's HTTP interface, so that Grafana, ClickHouse.Driver, clickhouse-go and curl
/// use it as they would a server. No users and no sessions: it listens on loopback for one machine.
/// </summary>
public sealed class ClickHouseHttpServer : IAsyncDisposable
{
    private const int MaxUrlBytes = 1 << 20; // a query in the URL; ClickHouse's own http_max_uri_size
    private readonly WebApplication _app;

    private ClickHouseHttpServer(WebApplication app, Uri url)
    {
        _app = app;
        Url = url;
    }

    public Uri Url { get; }

    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<ClickHouseHttpServer> StartAsync(EmbeddedEngine engine, ClickHouseHttpOptions options, CancellationToken cancellationToken = default)
    {
        // The empty builder: the others look for settings in the working directory and watch all that lies below it.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, OwnedLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = MaxUrlBytes;
            kestrel.Limits.MaxRequestBufferSize = 2 * MaxUrlBytes;
            kestrel.Limits.MaxRequestBodySize = null; // an insert streams; the engine's own limits hold
            kestrel.Listen(options.Address, options.Port);
        });
        var app = builder.Build();
        app.UseRouting();
        var handler = new StatementHandler(engine, options, await ServerIdentity.AskAsync(engine, cancellationToken));
        app.MapMethods("/ping", ["GET", "HEAD"], SayOkAsync);
        app.MapMethods("/replicas_status", ["GET", "HEAD"], SayOkAsync);
        app.MapMethods("/", ["GET", "HEAD", "POST"], handler.HandleAsync);
        await app.StartAsync(cancellationToken);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new ClickHouseHttpServer(app, new Uri(address));
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static Task SayOkAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync("Ok.\n");
    }

    /// <summary>Signals belong to the process's main loop.</summary>
    private sealed class OwnedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>What the engine says of itself, for headers and for the first questions of clients.</summary>
internal sealed record ServerIdentity(string Version, string TimeZone)
{
    public const string DisplayName = "metering";

    public static async Task<ServerIdentity> AskAsync(EmbeddedEngine engine, CancellationToken cancellationToken)
    {
        var fields = (await engine.QueryTextAsync("SELECT version(), timezone()", cancellationToken)).Split('\t');
        return new ServerIdentity(fields[0], fields[1]);
    }
}
