using System.Globalization;
using System.Net;
using Metering.Registry.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Registry.Service;

/// <summary>
/// A small schema registry for one machine, with the REST API of Confluent's: Avro only, one process, everything on disk
/// before it is answered for. Fleets run a registry that replicates.
/// </summary>
public sealed partial class RegistryServer : IAsyncDisposable
{
    private const int DrainedBodies = 16;
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly RegistryStore _store;
    private int _disposed;

    private RegistryServer(WebApplication app, RegistryStore store, Uri url)
    {
        _app = app;
        _store = store;
        Url = url;
    }

    /// <summary>The base URL for clients, with <see cref="RegistryOptions.PathBase"/> if there is one.</summary>
    public Uri Url { get; }

    /// <summary>Opens the store and listens. The server ends when it is disposed; it takes no signals of the process.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    /// <exception cref="IOException">The port or the folder is taken, or cannot be used.</exception>
    /// <exception cref="RegistryCorruptException">The store is damaged.</exception>
    public static async Task<RegistryServer> StartAsync(RegistryOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        RegistryOptions.Validate(options);
        var logger = options.LoggerFactory.CreateLogger<RegistryServer>();
        var store = RegistryStore.Open(options.DataDirectory, logger);
        var app = Build(options, store, logger);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception failure)
        {
            await app.DisposeAsync();
            store.Dispose();
            if (failure is IOException)
                throw new IOException($"the registry cannot listen on {options.Address}:{options.Port.ToString(CultureInfo.InvariantCulture)} ({failure.Message}): give it another port, or 0 for a free one", failure);
            throw;
        }
        var url = new Uri(app.Urls.First() + options.PathBase);
        LogStarted(logger, url, options.DataDirectory, store.Read(state => state.SchemaCount));
        return new RegistryServer(app, store, url);
    }

    /// <summary>Ends taking requests, lets those in progress end within 5 s, closes the store. May be called twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        using (var budget = new CancellationTokenSource(StopWithin))
            await _app.StopAsync(budget.Token);
        await _app.DisposeAsync();
        _store.Dispose();
    }

    private static WebApplication Build(RegistryOptions options, RegistryStore store, ILogger logger)
    {
        // The empty builder: no configuration files, environment or console of the host process leak in.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(options.LoggerFactory);
        builder.Services.AddSingleton<IHostLifetime, HostedLifetime>();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes * DrainedBodies;
            kestrel.Limits.MaxConcurrentConnections = 1024;
            kestrel.Listen(new IPEndPoint(options.Address, options.Port));
        });
        var app = builder.Build();
        app.UsePathBase(options.PathBase);
        app.UseStatusCodePages(context => SayStatusAsync(context.HttpContext));
        app.Use((http, next) => RefuseLargeBodyAsync(http, next, options.MaxBodyBytes));
        app.UseRouting();
        app.MapGet("/", (RequestDelegate)(http => new RegistryCall(http).AnswerAsync(
            store.Read(state => new RootAnswer("metering registry", "Confluent Schema Registry REST v1, Avro", state.Subjects.Count(), state.SchemaCount)),
            WireJson.Default.RootAnswer)));
        app.MapRegistry(store, logger);
        return app;
    }

    // Kestrel cuts the connection at its own limit, and a client that still sends then sees a broken pipe in place of the
    // 413. A body that says its length is refused before that, and Kestrel reads the rest away behind the answer.
    private static Task RefuseLargeBodyAsync(HttpContext http, RequestDelegate next, long maxBodyBytes)
    {
        if (http.Request.ContentLength > maxBodyBytes)
        {
            http.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            return Task.CompletedTask;
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = maxBodyBytes;
        return next(http);
    }

    // What routing itself refuses (no such path, wrong verb) has no body yet: clients expect the API's form of an error.
    private static Task SayStatusAsync(HttpContext http)
    {
        var status = http.Response.StatusCode;
        var message = string.Create(CultureInfo.InvariantCulture, $"HTTP {status} {ReasonPhrases.GetReasonPhrase(status)}");
        return new RegistryCall(http).FailAsync(RegistryError.Http(status, message));
    }

    [LoggerMessage(EventId = 8005, Level = LogLevel.Information, Message = "Registry on {Url}, {SchemaCount} schemas from {Folder}")]
    private static partial void LogStarted(ILogger logger, Uri url, string folder, int schemaCount);

    // The default one would take Ctrl-C and SIGTERM away from the process that hosts the registry.
    private sealed class HostedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
