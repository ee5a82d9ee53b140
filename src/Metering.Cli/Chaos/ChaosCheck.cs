using System.Globalization;
using Metering.Cli.Hosting;
using Metering.ClickHouse.Ledger;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Chaos;

/// <summary>Holds the ledger against what the sources counted themselves.</summary>
internal sealed class ChaosCheck(ILedger ledger, string topicPrefix)
{
    private static readonly string[] Rollups = ["usage_1s", "usage_1m", "usage_1h"];

    /// <summary>Events, distinct identities and sums, by source.</summary>
    public async Task<Dictionary<string, ChaosFigures>> EventsAsync(CancellationToken cancellationToken)
    {
        var sql = $"SELECT source, count(), uniqExact(epoch, sequence), sum(toInt128(input_tokens)), sum(toInt128(output_tokens)) FROM metering.token_events WHERE {await OursAsync(cancellationToken)} GROUP BY source";
        return (await ledger.RowsAsync(sql, cancellationToken)).ToDictionary(row => row[0], row => new ChaosFigures(Number(row[1]), Number(row[2]), Big(row[3]), Big(row[4])), StringComparer.Ordinal);
    }

    /// <summary>Sums by tenant.</summary>
    public async Task<Dictionary<string, ChaosUsage>> TenantsAsync(CancellationToken cancellationToken)
    {
        var sql = $"SELECT tenant, count(), sum(toInt128(input_tokens)), sum(toInt128(output_tokens)), sum(toInt128(cost_pico_usd)) FROM metering.token_events WHERE {await OursAsync(cancellationToken)} GROUP BY tenant";
        return (await ledger.RowsAsync(sql, cancellationToken)).ToDictionary(row => row[0], row => new ChaosUsage(Number(row[1]), Big(row[2]), Big(row[3]), Big(row[4])), StringComparer.Ordinal);
    }

    /// <summary>What differs, one sentence each; empty when nothing does.</summary>
    public async Task<List<string>> DifferencesAsync(IReadOnlyDictionary<string, ChaosFigures> published, CancellationToken cancellationToken)
    {
        var held = await EventsAsync(cancellationToken);
        var differences = new List<string>();
        foreach (var (source, expected) in published)
        {
            var found = held.GetValueOrDefault(source, ChaosFigures.None);
            if (found != expected)
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{source}: published {expected.Events} events with {expected.InputTokens} + {expected.OutputTokens} tokens; the ledger holds {found.Events} rows, {found.Distinct} distinct, with {found.InputTokens} + {found.OutputTokens}"));
        }
        differences.AddRange(held.Keys.Except(published.Keys, StringComparer.Ordinal).Select(source => $"{source}: in the ledger, never published"));
        var total = published.Values.Aggregate(ChaosFigures.None, static (sum, figures) => sum + figures);
        foreach (var rollup in Rollups)
        {
            var row = (await ledger.RowsAsync($"SELECT sum(requests), sum(toInt128(input_tokens)), sum(toInt128(output_tokens)) FROM metering.{rollup} WHERE {await OursAsync(cancellationToken)}", cancellationToken))[0];
            if ((Big(row[0]), Big(row[1]), Big(row[2])) != (total.Events, total.InputTokens, total.OutputTokens))
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{rollup} adds up to {row[0]} requests with {row[1]} + {row[2]} tokens, published were {total.Events} with {total.InputTokens} + {total.OutputTokens}"));
        }
        return differences;
    }

    /// <summary>The rows that came from our topic: a ledger elsewhere may hold others.</summary>
    private async Task<string> OursAsync(CancellationToken cancellationToken)
    {
        var rows = await ledger.RowsAsync($"SELECT cluster_id, topic_id, number FROM metering.ledger_origins WHERE topic = {SqlText.Literal(topicPrefix + MeteredBlock.Topic)}", cancellationToken);
        return rows.Count == 1 ? LedgerBooks.Of(new LedgerOrigin(rows[0][0], rows[0][1], uint.Parse(rows[0][2], CultureInfo.InvariantCulture))) : "0";
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static Int128 Big(string text) => Int128.Parse(text, CultureInfo.InvariantCulture);
}
