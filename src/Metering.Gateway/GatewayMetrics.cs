using System.Diagnostics.Metrics;
using Metering.Events;

namespace Metering.Gateway;

/// <summary>The gateway's instruments, meter <c>Metering.Gateway</c>. Counting is an addition: whoever scrapes reads the sums.</summary>
internal sealed class GatewayMetrics : IDisposable
{
    private static readonly string[] Names = ["ok", "error", "cancelled", "cut", "rejected"];

    private readonly Meter _meter = new("Metering.Gateway");
    private readonly long[] _ended = new long[Names.Length];
    private long _unknownKeys;
    private long _notJournaled;
    private long _inputTokens;
    private long _outputTokens;
    private long _estimated;

    public GatewayMetrics(Func<int> active)
    {
        _meter.CreateObservableCounter("metering.gateway.requests", ByStatus, "{request}", "Requests with a known key that have ended, by their event's status");
        _meter.CreateObservableCounter("metering.gateway.unknown_keys", () => Volatile.Read(ref _unknownKeys), "{request}", "Requests refused because they bring no key that is known");
        _meter.CreateObservableCounter("metering.gateway.journal_refusals", () => Volatile.Read(ref _notJournaled), "{request}", "Requests or events that the journal did not take");
        _meter.CreateObservableCounter("metering.gateway.input_tokens", () => Volatile.Read(ref _inputTokens), "{token}", "Input tokens of requests that have ended");
        _meter.CreateObservableCounter("metering.gateway.output_tokens", () => Volatile.Read(ref _outputTokens), "{token}", "Output tokens of requests that have ended");
        _meter.CreateObservableCounter("metering.gateway.estimated", () => Volatile.Read(ref _estimated), "{request}", "Requests whose tokens were counted here because the model host did not report them");
        _meter.CreateObservableGauge("metering.gateway.active", () => (long)active(), "{request}", "Requests under way");
    }

    /// <summary>The totals since the start.</summary>
    public GatewayTotals Read() => new(_ended.Sum(), Volatile.Read(ref _unknownKeys), Volatile.Read(ref _inputTokens), Volatile.Read(ref _outputTokens));

    public void UnknownKey() => Interlocked.Increment(ref _unknownKeys);

    public void NotJournaled() => Interlocked.Increment(ref _notJournaled);

    public void Ended(TokenEvent ended)
    {
        Interlocked.Increment(ref _ended[(int)ended.Status]);
        Interlocked.Add(ref _inputTokens, ended.InputTokens);
        Interlocked.Add(ref _outputTokens, ended.OutputTokens);
        if (ended.TokensEstimated)
            Interlocked.Increment(ref _estimated);
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> ByStatus() =>
        Names.Select((name, index) => new Measurement<long>(Volatile.Read(ref _ended[index]), new KeyValuePair<string, object?>("status", name)));
}

/// <summary>What a gateway has done since it started.</summary>
/// <param name="Requests">With a known key, ended.</param>
/// <param name="UnknownKeys">Refused without one.</param>
public readonly record struct GatewayTotals(long Requests, long UnknownKeys, long InputTokens, long OutputTokens);
