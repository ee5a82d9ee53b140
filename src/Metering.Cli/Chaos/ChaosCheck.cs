using System.Globalization;
using System.Text;
using Metering.Cli.Hosting;
using Metering.ClickHouse.Ledger;
using Metering.Core.Usage;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Chaos;

/// <summary>Holds the ledger against what the sources counted themselves.</summary>
internal sealed class ChaosCheck(ILedger ledger, string topicPrefix)
{
    private static readonly string[] Rollups = ["usage_1s", "usage_1m", "usage_1h"];

    private static readonly (string Name, string Column)[][] ScopeKinds =
    [
        [], [("tenant", "tenant")], [("model", "model")], [("route", "route")], [("key", "api_key")], [("pool", "pool")],
        [("tenant", "tenant"), ("model", "model")], [("tenant", "tenant"), ("route", "route")],
    ];

    /// <summary>Events, distinct identities and sums, by source.</summary>
    public async Task<Dictionary<string, ChaosFigures>> EventsAsync(CancellationToken cancellationToken)
    {
        var sql = $"SELECT source, count(), uniqExact(epoch, sequence), sum(toInt128(input_tokens)), sum(toInt128(output_tokens)) FROM metering.token_events WHERE {await OursAsync(cancellationToken)} GROUP BY source";
        return (await ledger.RowsAsync(sql, cancellationToken)).ToDictionary(row => row[0], row => new ChaosFigures(Number(row[1]), Number(row[2]), Big(row[3]), Big(row[4])), StringComparer.Ordinal);
    }

    /// <summary>Events by source.</summary>
    public async Task<Dictionary<string, long>> CountsAsync(CancellationToken cancellationToken) =>
        (await ledger.RowsAsync($"SELECT source, count() FROM metering.token_events WHERE {await OursAsync(cancellationToken)} GROUP BY source", cancellationToken))
            .ToDictionary(row => row[0], row => Number(row[1]), StringComparer.Ordinal);

    /// <summary>Sums by scope, for every kind of scope that usage-deltas have.</summary>
    public async Task<Dictionary<string, ChaosUsage>> ScopesAsync(CancellationToken cancellationToken)
    {
        var scopes = new Dictionary<string, ChaosUsage>(StringComparer.Ordinal);
        foreach (var dimensions in ScopeKinds)
        {
            var columns = dimensions.Select(dimension => dimension.Column).ToArray();
            var grouped = columns.Length == 0 ? "" : " GROUP BY " + string.Join(", ", columns);
            var present = string.Concat(columns.Select(column => $" AND {column} != ''"));
            var sql = $"SELECT count(), sum(toInt128(input_tokens)), sum(toInt128(output_tokens)), sum(toInt128(cost_pico_usd)){string.Concat(columns.Select(column => ", " + column))} FROM metering.token_events WHERE {await OursAsync(cancellationToken)}{present}{grouped}";
            foreach (var row in await ledger.RowsAsync(sql, cancellationToken))
                scopes[NameOf(dimensions, row)] = new ChaosUsage(Number(row[0]), Big(row[1]), Big(row[2]), Big(row[3]));
        }
        return scopes;
    }

    private static string NameOf((string Name, string Column)[] dimensions, IReadOnlyList<string> row)
    {
        if (dimensions.Length == 0)
            return "*";
        var name = new ScopeName(new byte[ScopeName.MaxBytes]);
        name.Set(Encoding.UTF8.GetBytes(dimensions[0].Name), Encoding.UTF8.GetBytes(row[4]));
        if (dimensions.Length > 1)
            name.Narrow(Encoding.UTF8.GetBytes(dimensions[1].Name), Encoding.UTF8.GetBytes(row[5]));
        return Encoding.UTF8.GetString(name.Utf8);
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
