using System.Globalization;
using Metering.Core.Usage;
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

    /// <summary>What differs from the ledger, one sentence each.</summary>
    /// <param name="byTenant">The ledger's sums by tenant.</param>
    public static IEnumerable<string> Differences(IReadOnlyDictionary<string, ChaosUsage> byScope, IReadOnlyDictionary<string, ChaosUsage> byTenant)
    {
        var name = new byte[ScopeName.MaxBytes];
        foreach (var (tenant, held) in byTenant.Append(new("", byTenant.Values.Aggregate(default(ChaosUsage), static (sum, usage) => sum + usage))))
        {
            var scope = tenant.Length == 0 ? "*" : NameOf(tenant, name);
            var found = byScope.GetValueOrDefault(scope);
            if (found != held)
                yield return string.Create(CultureInfo.InvariantCulture, $"usage-deltas of {scope} add up to {found}, the ledger to {held}");
        }
    }

    private static string NameOf(string tenant, byte[] buffer)
    {
        var name = new ScopeName(buffer);
        name.Set("tenant"u8, System.Text.Encoding.UTF8.GetBytes(tenant));
        return System.Text.Encoding.UTF8.GetString(name.Utf8);
    }

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
