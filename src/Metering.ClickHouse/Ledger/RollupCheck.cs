using System.Globalization;
using System.Security.Cryptography;

namespace Metering.ClickHouse.Ledger;

/// <summary>
/// Compares the roll-ups of the seconds, minutes and hours that a range of blocks touched with the events, and writes the
/// differences as rows (R19): a kill between a part and its roll-up's part leaves the sums short. Only rows of one ledger
/// partition are looked at, whose one sink waits meanwhile, so that the others may insert. Running it twice changes nothing.
/// What a roll-up's TTL has dropped, or is about to, is left alone.
/// </summary>
public sealed class RollupCheck(ILedger ledger) : IRollupCheck
{
    // A correction bears a token that names it, so that a try whose answer was lost is not added twice. The same damage
    // may come again, though: then the token is known, nothing is written, and the next number tells it apart.
    private const int MaxTokens = 16;

    // Keep is the table's TTL less a margin: rows that the next merge may drop are not compared.
    private static readonly (string Table, string BucketOf, string Keep)[] Rollups =
    [
        ("usage_1s", "toDateTime(toStartOfSecond(e.event_time))", "INTERVAL 23 HOUR"),
        ("usage_1m", "toStartOfMinute(e.event_time)", "INTERVAL 89 DAY"),
        ("usage_1h", "toStartOfHour(e.event_time)", ""),
    ];

    private static readonly (string Column, string OfEvents)[] Sums =
    [
        ("requests", "toInt64(count())"), ("errors", "toInt64(countIf(e.status = 'error'))"),
        ("input_tokens", "sum(e.input_tokens)"), ("cached_input_tokens", "sum(e.cached_input_tokens)"), ("cache_write_tokens", "sum(e.cache_write_tokens)"),
        ("output_tokens", "sum(e.output_tokens)"), ("reasoning_tokens", "sum(e.reasoning_tokens)"), ("cost_pico_usd", "sum(toInt128(e.cost_pico_usd))"),
        ("unpriced", "toInt64(countIf(e.priced = 0))"), ("successes", "toInt64(countIf(e.outcome = 'success'))"),
        ("duration_us", "sum(greatest(e.duration_us, 0))"), ("gpu_us", "sum(greatest(e.gpu_us, 0))"),
    ];

    private static readonly string[] Dimensions = ["tenant", "model", "served_model", "route", "pool", "api_key"];

    private static readonly string Keys = string.Join(", ", Dimensions);

    private static readonly string[] Columns = ["time", .. Dimensions, "ledger_partition", .. Sums.Select(sum => sum.Column)];

    public async Task<long> RepairAsync(string table, uint partition, long fromBlock, long toBlock, CancellationToken cancellationToken)
    {
        if (table != "token_events")
            return 0;
        var blocks = new Blocks(partition, fromBlock, toBlock);
        var corrections = 0L;
        foreach (var (rollup, bucketOf, keep) in Rollups)
            corrections += await RepairAsync(rollup, Difference(rollup, bucketOf, keep, blocks), cancellationToken);
        return corrections;
    }

    private async Task<long> RepairAsync(string rollup, string difference, CancellationToken cancellationToken)
    {
        var corrections = 0L;
        for (var number = 0; number < MaxTokens; number++)
        {
            var rows = await CountAsync(difference, cancellationToken);
            if (rows == 0)
                return corrections;
            using var block = new MemoryStream();
            await ledger.QueryAsync(difference, "Native", block, cancellationToken);
            var bytes = block.GetBuffer().AsMemory(0, (int)block.Length);
            var token = string.Create(CultureInfo.InvariantCulture, $"rollup-check {rollup} {Convert.ToHexStringLower(SHA256.HashData(bytes.Span))} {number}");
            await ledger.InsertAsync(new LedgerInsert("metering." + rollup, [bytes], Columns, token), cancellationToken);
            corrections = rows;
        }
        throw new LedgerException($"metering.{rollup} still differs from its events after {MaxTokens} corrections: is another program writing to it?");
    }

    private async Task<long> CountAsync(string difference, CancellationToken cancellationToken) =>
        long.Parse((await ledger.RowsAsync($"SELECT count() FROM ({difference})", cancellationToken))[0][0], CultureInfo.InvariantCulture);

    /// <summary>Events less roll-up, by key, in the buckets that the blocks touched: of each all events, for a bucket holds other
    /// blocks' too. Only what differs, in an order of its own, so that its bytes name it.</summary>
    private static string Difference(string rollup, string bucketOf, string keep, Blocks blocks)
    {
        var ofEvents = string.Join(", ", Sums.Select(sum => $"{sum.OfEvents} AS d_{sum.Column}"));
        var ofRollup = string.Join(", ", Sums.Select(sum => $"-sum(u.{sum.Column}) AS d_{sum.Column}"));
        var differences = string.Join(", ", Sums.Select(sum => $"sum(d_{sum.Column}) AS {sum.Column}"));
        var differs = string.Join(" OR ", Sums.Select(sum => $"{sum.Column} != 0"));
        var touched = $"bucket IN ({blocks.Of(bucketOf)})";
        return $"""
            SELECT bucket AS time, {Keys}, toUInt32({blocks.Partition}) AS ledger_partition, {differences} FROM (
                SELECT {bucketOf} AS bucket, {Keys}, {ofEvents} FROM metering.token_events AS e
                WHERE {blocks.OfPartition} AND {blocks.Spans("e.event_time")} AND {touched}{NotDropped("bucket", keep)}
                GROUP BY bucket, {Keys}
                UNION ALL
                SELECT u.time AS bucket, {Keys}, {ofRollup} FROM metering.{rollup} AS u
                WHERE {blocks.OfPartition} AND {blocks.Spans("u.time")} AND {touched}{NotDropped("bucket", keep)}
                GROUP BY bucket, {Keys}
            ) GROUP BY bucket, {Keys} HAVING {differs} ORDER BY time, {Keys}
            """;
    }

    // By the engine's clock, as its TTL.
    private static string NotDropped(string time, string keep) => keep.Length == 0 ? "" : $" AND {time} > now() - {keep}";

    /// <summary>A range of one partition's blocks, as conditions.</summary>
    private readonly record struct Blocks(uint Partition, long From, long To)
    {
        public string OfPartition => string.Create(CultureInfo.InvariantCulture, $"ledger_partition = {Partition}");

        public string Range => string.Create(CultureInfo.InvariantCulture, $"{OfPartition} AND block_offset >= {From} AND block_offset < {To}");

        /// <summary>Lets the engine skip parts and granules; from whole hours, which hold all buckets whole.</summary>
        public string Spans(string time) => $"{time} >= ({Of("toStartOfHour(min(event_time))")}) AND {time} < ({Of("toStartOfHour(max(event_time)) + INTERVAL 1 HOUR")})";

        public string Of(string expression) => $"SELECT {expression} FROM metering.token_events AS e WHERE {Range}";
    }
}
