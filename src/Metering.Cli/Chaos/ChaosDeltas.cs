using System.Globalization;
using Metering.Events;
using Metering.Kafka;
using Metering.Kafka.Tables;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Chaos;

/// <summary>Adds up the whole of <c>usage-deltas</c>, as a reader of committed records sees it.</summary>
internal sealed class ChaosDeltas
{
    private readonly Dictionary<string, ChaosUsage> _byScope = new(StringComparer.Ordinal);
    private readonly StringPool _names = new();
    private readonly UsageDelta _delta = new();

    private ChaosDeltas()
    {
    }

    /// <summary>What was added to each scope.</summary>
    public static async Task<IReadOnlyDictionary<string, ChaosUsage>> ReadAsync(KafkaSettings kafka, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        var deltas = new ChaosDeltas();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var table = new CompactedTable(kafka, TopicCatalogue.UsageDeltas, deltas.Take, loggers.CreateLogger<CompactedTable>(), time);
        var reading = table.RunAsync(stop.Token);
        await table.ReadToEndAsync(cancellationToken);
        await stop.CancelAsync();
        await reading;
        return deltas._byScope;
    }

    /// <summary>What differs from the ledger, one sentence each, at most ten.</summary>
    public static IEnumerable<string> Differences(IReadOnlyDictionary<string, ChaosUsage> deltas, IReadOnlyDictionary<string, ChaosUsage> ledger) =>
        deltas.Keys.Union(ledger.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Where(scope => deltas.GetValueOrDefault(scope) != ledger.GetValueOrDefault(scope))
            .Select(scope => string.Create(CultureInfo.InvariantCulture, $"usage-deltas of {scope} add up to {deltas.GetValueOrDefault(scope)}, the ledger to {ledger.GetValueOrDefault(scope)}"))
            .Take(10);

    private void Take(in TableRecord record)
    {
        if (!WireFormat.TryReadHeader(record.Value, out _, out var body) || UsageDelta.TryRead(body, _names, _delta) is not DecodeError.None)
            throw new InvalidDataException($"{TopicCatalogue.UsageDeltas} [{record.Partition}] offset {record.Offset} is no usage delta.");
        _byScope[_delta.Scope] = _byScope.GetValueOrDefault(_delta.Scope) + new ChaosUsage(_delta.Requests, _delta.InputTokens, _delta.OutputTokens, _delta.CostPicoUsd);
    }
}

internal readonly record struct ChaosUsage(long Requests, Int128 InputTokens, Int128 OutputTokens, Int128 CostPicoUsd)
{
    public static ChaosUsage operator +(ChaosUsage a, ChaosUsage b) =>
        new(a.Requests + b.Requests, a.InputTokens + b.InputTokens, a.OutputTokens + b.OutputTokens, a.CostPicoUsd + b.CostPicoUsd);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Requests} requests, {InputTokens} + {OutputTokens} tokens, {CostPicoUsd} pico-USD");
}
