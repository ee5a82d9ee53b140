using System.Net;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker;

/// <summary>A single-node Kafka for one machine: it never replicates and never clusters; fleets run on Kafka.</summary>
public sealed class LocalBrokerServer : IAsyncDisposable
{
    private readonly BrokerStore _store;
    private readonly Listener _listener;
    private readonly ILogger _logger;
    private int _disposed;

    private LocalBrokerServer(BrokerStore store, Listener listener, string clusterId, ILogger logger)
    {
        _store = store;
        _listener = listener;
        _logger = logger;
        ClusterId = clusterId;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint => _listener.Endpoint;

    /// <summary>Made once, at the first start in a directory.</summary>
    public string ClusterId { get; }

    /// <summary>Clients' connections now.</summary>
    public int Connections => _listener.Connections;

    /// <summary>For metrics.</summary>
    public BrokerFigures Figures => _store.Figures();

    /// <summary>Recovers what lies in the directory and listens.</summary>
    /// <exception cref="IOException">The directory is in use, or the port is taken.</exception>
    public static Task<LocalBrokerServer> StartAsync(LocalBrokerOptions options, CancellationToken cancellationToken) =>
        StartAsync(options, StoreSettings.Default, cancellationToken);

    internal static async Task<LocalBrokerServer> StartAsync(LocalBrokerOptions options, StoreSettings settings, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var logger = options.Loggers.CreateLogger<LocalBrokerServer>();
        var store = await Task.Run(() => BrokerStore.OpenAsync(options, settings), cancellationToken);
        try
        {
            var clusterId = store.State?.ClusterId ?? throw new IOException($"the disk under {options.Directory} failed at the start");
            var listener = Listener.Start(() => store.State, clusterId, options);
            WireLog.Started(logger, listener.Endpoint, options.Directory, options.Durability);
            return new LocalBrokerServer(store, listener, clusterId, logger);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes no more requests, answers those that it has, and closes with a checkpoint. May be called twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _listener.DisposeAsync();
        await _store.DisposeAsync();
        WireLog.Stopped(_logger, Endpoint);
    }
}
