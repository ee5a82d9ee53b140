using Metering.Client;
using Metering.Gateway.Admission;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Forwarding;
using Metering.Gateway.Keys;
using Metering.Gateway.Usage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Metering.Gateway.Hosting;

/// <summary>
/// The gateway: takes OpenAI's API, lets admission decide, forwards, relays, and makes one event of each request. Its owner brings
/// keys, admission and journal, which outlive it, and stops it.
/// <code>await using var gateway = await GatewayServer.StartAsync(options, new GatewayParts { Keys = governed.Keys, Admission = governed.Admission, Journal = publisher });</code>
/// </summary>
public sealed class GatewayServer : IAsyncDisposable
{
    // Cut streams are counted by the tokenizer, which may have to load first.
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ClosesWithin = TimeSpan.FromSeconds(1);

    private readonly GatewayParts _parts;
    private readonly Upstreams _upstreams;
    private readonly ActiveExchanges _active;
    private readonly GatewayMetrics _metrics;
    private readonly ILogger _log;
    private readonly BareServer _server;
    private int _stopped;

    private GatewayServer(GatewayParts parts, Upstreams upstreams, ActiveExchanges active, GatewayMetrics metrics, ILogger log, BareServer server)
    {
        _parts = parts;
        _upstreams = upstreams;
        _active = active;
        _metrics = metrics;
        _log = log;
        _server = server;
    }

    /// <summary>The port that it listens on, also when a free one was asked for.</summary>
    public int Port => _server.Port;

    /// <summary><c>http://host:port</c>; OpenAI's API is below <c>/v1</c>.</summary>
    public string Address => _server.Address;

    /// <summary>Requests under way.</summary>
    public int Active => _active.Count;

    /// <summary>Since the start.</summary>
    public GatewayTotals Totals => _metrics.Read();

    /// <summary>Why requests are not served yet, or null.</summary>
    public string? NotReady => _parts.Keys.NotReady ?? _parts.Admission.NotReady;

    /// <summary>Makes events of what a former run left open, then starts to listen.</summary>
    /// <exception cref="OptionsValidationException">Options are wrong; all errors are in it.</exception>
    /// <exception cref="GatewayStartException">The port is taken or may not be used.</exception>
    public static async Task<GatewayServer> StartAsync(GatewayOptions options, GatewayParts parts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        if (options.Validate() is { Count: > 0 } errors)
            throw new OptionsValidationException(nameof(GatewayOptions), typeof(GatewayOptions), errors);
        var loggers = parts.Loggers ?? NullLoggerFactory.Instance;
        var log = loggers.CreateLogger<GatewayServer>();
        new CrashRecovery(parts.Journal, parts.Former, log).Run();
        var upstreams = new Upstreams(options);
        var active = new ActiveExchanges(parts.Journal, options.ProgressInterval, parts.Time);
        var metrics = new GatewayMetrics(() => active.Count);
        var book = new ExchangeBook(parts.Journal, active, new TokenCounter(), metrics, parts.Former, log);
        var keys = new KeyCheck(parts.Keys, metrics, parts.Time);
        var chat = new ChatHandler(options, keys, upstreams, parts.Admission, book, new ChatForwarder(options, book, log), new RequestIds(), parts.Time);
        try
        {
            var server = await BareServer.StartAsync(new GatewayApplication(chat, new ModelsHandler(keys, upstreams, options, log), active, log), options.Listen, options.Port, "--gateway-port", loggers, limits =>
            {
                limits.MaxRequestBodySize = options.MaxBodyBytes;
                limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
                limits.RequestHeadersTimeout = options.HeadersTimeout;
            }, cancellationToken);
            active.Start();
            GatewayLog.Started(log, server.Address, string.Join(", ", options.Upstreams.Select(static u => $"{u.Name} at {u.Url}")));
            return new GatewayServer(parts, upstreams, active, metrics, log, server);
        }
        catch
        {
            await active.DisposeAsync();
            upstreams.Dispose();
            metrics.Dispose();
            throw;
        }
    }

    /// <summary>Takes no more requests, lets those under way end within a budget, cuts the rest, and returns when every one of them has its event.</summary>
    public async Task StopAsync(TimeSpan budget)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
            return;
        if (_active.Count > 0)
            GatewayLog.Draining(_log, _active.Count, budget);
        using var atOnce = new CancellationTokenSource();
        var listening = _server.StopAsync(atOnce.Token);
        if (!await _active.DrainAsync(budget))
        {
            GatewayLog.CutAtStop(_log, _active.Count);
            _active.CancelAll(EndReason.Stopping);
            await _active.DrainAsync(EndsWithin);
        }
        // What was answered last is on its way: connections close by themselves once it is sent.
        await Task.WhenAny(listening, Task.Delay(ClosesWithin, _parts.Time));
        await atOnce.CancelAsync();
        await listening;
        // Those whose client did not read to the end were freed by that.
        await _active.DrainAsync(EndsWithin);
    }

    /// <summary>Stops without a budget.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        await _server.DisposeAsync();
        await _active.DisposeAsync();
        _upstreams.Dispose();
        _metrics.Dispose();
    }
}
