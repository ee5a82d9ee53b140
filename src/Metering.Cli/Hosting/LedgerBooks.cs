using System.Globalization;
using Metering.ClickHouse.Ledger;
using Metering.Core.Reconciliation;
using Metering.Events;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Hosting;

/// <summary>Reads what the ledger holds of each source: METER's accounts, and the rows themselves.</summary>
internal static class LedgerBooks
{
    /// <summary>The account of records that belong to no source.</summary>
    public const string Nobody = "";

    public static async Task<Dictionary<(string Source, long Epoch), AccountFigures>> AccountsAsync(ILedger ledger, LedgerOrigin? origin, CancellationToken cancellationToken)
    {
        var sql = $"SELECT source, epoch, sum(received), sum(metered), sum(rejected), sum(duplicate), sum(unnumbered), sum(published), sum(in_flight), sum(lost), sum(input_tokens), sum(output_tokens) FROM metering.source_accounts FINAL WHERE {Of(origin)} GROUP BY source, epoch";
        var accounts = new Dictionary<(string, long), AccountFigures>();
        foreach (var row in await ledger.RowsAsync(sql, cancellationToken))
        {
            accounts.Add((row[0], Number(row[1])), new AccountFigures(Number(row[2]), Number(row[3]), Number(row[4]), Number(row[5]), Number(row[6]), Number(row[7]), Number(row[8]), Number(row[9]),
                Int128.Parse(row[10], CultureInfo.InvariantCulture), Int128.Parse(row[11], CultureInfo.InvariantCulture)));
        }
        return accounts;
    }

    /// <summary>Counts the rows, and those that repeat a sequence, up to the block of each source's account: what came by
    /// later blocks is not in the account either, so that the two must be equal at any moment.</summary>
    public static async Task<Dictionary<(string Source, long Epoch), LedgerFigures>> RowsAsync(ILedger ledger, LedgerOrigin? origin, CancellationToken cancellationToken)
    {
        var sql = $"""
            SELECT e.source, e.epoch, count(), uniqExactIf(e.sequence, e.sequence > 0) + countIf(e.sequence = 0), sum(toInt128(e.input_tokens)), sum(toInt128(e.output_tokens))
            FROM metering.token_events AS e
            LEFT JOIN (SELECT source, epoch, ledger_partition, block_offset AS account_block FROM metering.source_accounts FINAL) AS a
                ON a.source = e.source AND a.epoch = e.epoch AND a.ledger_partition = e.ledger_partition
            WHERE e.block_offset <= a.account_block AND {Of(origin, "e.")}
            GROUP BY e.source, e.epoch
            """;
        var rows = new Dictionary<(string, long), LedgerFigures>();
        foreach (var row in await ledger.RowsAsync(sql, cancellationToken))
        {
            rows.Add((row[0], Number(row[1])), new LedgerFigures(Number(row[2]), Number(row[3]),
                Int128.Parse(row[4], CultureInfo.InvariantCulture), Int128.Parse(row[5], CultureInfo.InvariantCulture)));
        }
        return rows;
    }

    /// <summary>Balances without counting rows: metered is what METER's accounts say.</summary>
    public static List<SourceBalance> Balances(Dictionary<(string Source, long Epoch), AccountFigures> accounts, IEnumerable<SourceReport> reports) =>
        Balances(accounts, accounts.ToDictionary(pair => pair.Key, pair => new LedgerFigures(pair.Value.Metered, pair.Value.Metered, pair.Value.InputTokens, pair.Value.OutputTokens)), reports);

    public static List<SourceBalance> Balances(
        Dictionary<(string Source, long Epoch), AccountFigures> accounts, Dictionary<(string Source, long Epoch), LedgerFigures> rows, IEnumerable<SourceReport> reports)
    {
        var reported = reports.ToDictionary(report => (report.Source, report.Epoch));
        return [.. accounts.Keys.Union(rows.Keys).Union(reported.Keys).Order().Select(key => SourceBalance.Of(new SourceFigures(key.Source, key.Epoch,
            reported.TryGetValue(key, out var r) ? new ReportedFigures(r.LastSequence, r.Acknowledged, r.InputTokens, r.OutputTokens, r.Expired, r.Closed) : null,
            accounts.GetValueOrDefault(key, AccountFigures.None),
            rows.GetValueOrDefault(key, LedgerFigures.None))))];
    }

    /// <summary>The newest origin that a topic's blocks have in the ledger; null when it was never filled from it.</summary>
    public static async Task<LedgerOrigin?> OriginAsync(ILedger ledger, string topic, CancellationToken cancellationToken)
    {
        var rows = await ledger.RowsAsync($"SELECT cluster_id, topic_id, number FROM metering.ledger_origins WHERE topic = {SqlText.Literal(topic)} ORDER BY number DESC LIMIT 1", cancellationToken);
        return rows.Count == 1 ? new LedgerOrigin(rows[0][0], rows[0][1], uint.Parse(rows[0][2], CultureInfo.InvariantCulture)) : null;
    }

    /// <summary>The condition for one origin's rows; all rows without one.</summary>
    public static string Of(LedgerOrigin? origin, string table = "") => origin is null ? "1" : string.Create(CultureInfo.InvariantCulture,
        $"{table}ledger_partition >= {origin.LedgerPartition(0)} AND {table}ledger_partition < {origin.LedgerPartition(0) + LedgerOrigin.PartitionsPerOrigin}");

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
