using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.Pipeline.Sink;

/// <summary>
/// Compares the roll-ups of what a range of blocks touched with the events, and writes the differences as rows (R19): a
/// kill between a part and its roll-up's part leaves the sums short. Only rows of this partition are looked at, so that
/// other sinks may insert meanwhile. Running it twice changes nothing.
/// </summary>
internal sealed class RollupCheck(ILedger ledger) : IRollupCheck
{
    private static readonly (string Table, string TimeOf)[] Rollups =
    [
        ("usage_1s", "toDateTime(toStartOfSecond(event_time))"),
        ("usage_1m", "toStartOfMinute(event_time)"),
        ("usage_1h", "toStartOfHour(event_time)"),
    ];

    private static readonly (string Column, string OfEvents)[] Sums =
    [
        ("requests", "toInt64(count())"), ("errors", "toInt64(countIf(status = 'error'))"),
        ("input_tokens", "sum(e.input_tokens)"), ("cached_input_tokens", "sum(e.cached_input_tokens)"), ("cache_write_tokens", "sum(e.cache_write_tokens)"),
        ("output_tokens", "sum(e.output_tokens)"), ("reasoning_tokens", "sum(e.reasoning_tokens)"), ("cost_pico_usd", "sum(toInt128(e.cost_pico_usd))"),
        ("unpriced", "toInt64(countIf(priced = 0))"), ("successes", "toInt64(countIf(outcome = 'success'))"),
        ("duration_us", "sum(greatest(e.duration_us, 0))"), ("gpu_us", "sum(greatest(e.gpu_us, 0))"),
    ];

    private const string Dimensions = "tenant, model, served_model, route, pool, api_key";

    public async Task<long> RepairAsync(string table, uint partition, long fromBlock, long toBlock, CancellationToken cancellationToken)
    {
        if (table != "token_events")
            return 0;
        var touched = await ledger.RowsAsync(string.Create(CultureInfo.InvariantCulture,
            $"SELECT toUnixTimestamp(toStartOfHour(min(event_time))), toUnixTimestamp(toStartOfHour(max(event_time))) + 3600, count() FROM metering.token_events WHERE ledger_partition = {partition} AND block_offset >= {fromBlock} AND block_offset < {toBlock}"), cancellationToken);
        if (touched[0][2] == "0")
            return 0;
        var corrections = 0L;
        foreach (var (rollup, timeOf) in Rollups)
        {
            var difference = Difference(rollup, timeOf, partition, touched[0][0], touched[0][1]);
            var rows = long.Parse((await ledger.RowsAsync($"SELECT count() FROM ({difference})", cancellationToken))[0][0], CultureInfo.InvariantCulture);
            if (rows > 0)
                await ledger.ExecuteAsync($"INSERT INTO metering.{rollup} (time, {Dimensions}, ledger_partition, {Columns}) SETTINGS insert_deduplicate = 0 {difference}", cancellationToken);
            corrections += rows;
        }
        return corrections;
    }

    private static string Columns => string.Join(", ", Sums.Select(sum => sum.Column));

    /// <summary>Events less roll-up, by key; only what differs.</summary>
    private static string Difference(string rollup, string timeOf, uint partition, string fromSecond, string toSecond)
    {
        var ofEvents = string.Join(", ", Sums.Select(sum => $"{sum.OfEvents} AS d_{sum.Column}"));
        var ofRollup = string.Join(", ", Sums.Select(sum => $"-sum(u.{sum.Column}) AS d_{sum.Column}"));
        var differences = string.Join(", ", Sums.Select(sum => $"sum(d_{sum.Column}) AS {sum.Column}"));
        var differs = string.Join(" OR ", Sums.Select(sum => $"{sum.Column} != 0"));
        return string.Create(CultureInfo.InvariantCulture, $"""
            SELECT time, {Dimensions}, toUInt32({partition}) AS ledger_partition, {differences} FROM (
                SELECT {timeOf} AS time, {Dimensions}, {ofEvents} FROM metering.token_events AS e
                WHERE ledger_partition = {partition} AND event_time >= toDateTime({fromSecond}) AND event_time < toDateTime({toSecond})
                GROUP BY time, {Dimensions}
                UNION ALL
                SELECT time, {Dimensions}, {ofRollup} FROM metering.{rollup} AS u
                WHERE ledger_partition = {partition} AND time >= toDateTime({fromSecond}) AND time < toDateTime({toSecond})
                GROUP BY time, {Dimensions}
            ) GROUP BY time, {Dimensions} HAVING {differs}
            """);
    }
}
