using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Ledger;

/// <summary>Damage of each kind to the roll-ups of real tables, and what the check makes of it.</summary>
[Trait("rule", "R19")]
[Collection(MeteringDatabase.Name)]
public sealed class RollupCheckTests(EngineFixture fixture) : IAsyncLifetime
{
    private const int Events = 5000;
    private const string Sums = "requests, errors, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_pico_usd, unpriced, successes, duration_us, gpu_us";

    public async ValueTask InitializeAsync() => await MeteringDatabase.CreateAsync(fixture.Ledger);

    public async ValueTask DisposeAsync() => await MeteringDatabase.DropAsync(fixture.Ledger);

    [Theory]
    [InlineData("usage_1s", "1")]
    [InlineData("usage_1m", "tenant = 't1'")]
    [InlineData("usage_1h", "pool = 'p2'")]
    public async Task Repair_after_rows_were_lost_restores_the_exact_sums_of_this_partition_only(string table, string lost)
    {
        await InsertRecentAsync(partition: 0, fromBlock: 0);
        await InsertRecentAsync(partition: 1, fromBlock: 0);
        var sums = (await SumsAsync(table, 0), await SumsAsync(table, 1));
        await DeleteAsync(table, lost);
        var damaged = (await SumsAsync(table, 0), await SumsAsync(table, 1));
        Assert.NotEqual(sums.Item1, damaged.Item1);
        Assert.NotEqual(sums.Item2, damaged.Item2);

        Assert.True(await RepairAsync(0, 0, 10) > 0);

        Assert.Equal(sums.Item1, await SumsAsync(table, 0));
        Assert.Equal(damaged.Item2, await SumsAsync(table, 1));
        Assert.Equal(0, await RepairAsync(0, 0, 10));
        Assert.Equal(sums.Item1, await SumsAsync(table, 0));
    }

    [Fact]
    public async Task Repair_after_rows_were_doubled_takes_the_surplus_back()
    {
        await InsertRecentAsync(partition: 3, fromBlock: 5);
        var sums = await SumsAsync("usage_1m", 3);
        await fixture.Ledger.ExecuteAsync($"INSERT INTO metering.usage_1m SELECT * FROM metering.usage_1m WHERE tenant IN ('t1', 't2') SETTINGS insert_deduplicate = 0");

        Assert.True(await RepairAsync(3, 5, 6) > 0);

        Assert.Equal(sums, await SumsAsync("usage_1m", 3));
        Assert.Equal(0, await RepairAsync(3, 5, 6));
    }

    [Fact]
    public async Task Repair_of_sound_rollups_writes_nothing()
    {
        await InsertRecentAsync(partition: 0, fromBlock: 0);

        Assert.Equal(0, await RepairAsync(0, 0, 10));
    }

    [Fact]
    public async Task Repair_of_the_same_damage_a_second_time_works_again()
    {
        await InsertRecentAsync(partition: 0, fromBlock: 0);
        var sums = await SumsAsync("usage_1h", 0);
        for (var round = 0; round < 3; round++)
        {
            await DeleteAsync("usage_1h", "tenant = 't1'");
            Assert.True(await RepairAsync(0, 0, 10) > 0);
            Assert.Equal(sums, await SumsAsync("usage_1h", 0));
        }
    }

    [Fact]
    public async Task Repair_looks_only_at_the_hours_that_the_blocks_touched()
    {
        await InsertAsync(partition: 0, block: 0, "toStartOfHour(now()) - INTERVAL 5 HOUR + number / 10");
        await InsertAsync(partition: 0, block: 1, "toStartOfHour(now()) - INTERVAL 3 HOUR + number / 10");
        await InsertAsync(partition: 0, block: 2, "toStartOfHour(now()) - INTERVAL 1 HOUR + number / 10");
        await DeleteAsync("usage_1h", "1");

        await RepairAsync(0, 1, 2);

        Assert.Equal(Events.ToString(System.Globalization.CultureInfo.InvariantCulture), await MeteringDatabase.TextAsync(fixture.Ledger, "SELECT sum(requests) FROM metering.usage_1h"));
    }

    /// <summary>Of a bucket that other blocks share all events count; buckets that the blocks did not touch are not looked at.</summary>
    [Fact]
    public async Task Repair_compares_whole_seconds_minutes_and_hours_that_the_blocks_touched_and_no_others()
    {
        await InsertAsync(partition: 0, block: 0, "toStartOfHour(now()) - INTERVAL 2 HOUR + number % 90");
        await InsertAsync(partition: 0, block: 1, "toStartOfHour(now()) - INTERVAL 2 HOUR + number % 30");
        var (seconds, minutes, hours) = (await SumsAsync("usage_1s", 0), await SumsAsync("usage_1m", 0), await SumsAsync("usage_1h", 0));
        foreach (var table in new[] { "usage_1s", "usage_1m", "usage_1h" })
            await DeleteAsync(table, "1");

        await RepairAsync(0, 1, 2);

        // Of both blocks the first 30 seconds, the first minute, and the hour.
        Assert.Equal("6680 8350 10000", await MeteringDatabase.TextAsync(fixture.Ledger,
            "SELECT (SELECT sum(requests) FROM metering.usage_1s), (SELECT sum(requests) FROM metering.usage_1m), (SELECT sum(requests) FROM metering.usage_1h)"));

        await RepairAsync(0, 0, 2);

        Assert.Equal((seconds, minutes, hours), (await SumsAsync("usage_1s", 0), await SumsAsync("usage_1m", 0), await SumsAsync("usage_1h", 0)));
    }

    [Fact]
    public async Task Repair_does_not_bring_back_what_the_ttl_dropped()
    {
        await InsertAsync(partition: 0, block: 0, "now() - INTERVAL 120 DAY + number / 100");
        await InsertAsync(partition: 0, block: 1, "now() - INTERVAL 10 DAY + number / 100");
        await InsertAsync(partition: 0, block: 2, "now() - INTERVAL 2 HOUR + number / 100");
        foreach (var table in new[] { "usage_1s", "usage_1m", "usage_1h" })
            await DeleteAsync(table, "1");

        await RepairAsync(0, 0, 3);

        Assert.Equal("5000 10000 15000", await MeteringDatabase.TextAsync(fixture.Ledger,
            "SELECT (SELECT sum(requests) FROM metering.usage_1s), (SELECT sum(requests) FROM metering.usage_1m), (SELECT sum(requests) FROM metering.usage_1h)"));
    }

    [Fact]
    public async Task Keeping_times_are_within_the_tables_ttls()
    {
        Assert.Equal("toIntervalDay(1) toIntervalDay(90) ", await MeteringDatabase.TextAsync(fixture.Ledger,
            "SELECT arrayStringConcat(groupArray(extract(engine_full, 'toIntervalDay\\\\([0-9]+\\\\)')), ' ') FROM (SELECT * FROM system.tables WHERE database = 'metering' AND name IN ('usage_1s', 'usage_1m', 'usage_1h') ORDER BY indexOf(['usage_1s', 'usage_1m', 'usage_1h'], name))"));
    }

    [Fact]
    public async Task Repair_of_a_range_that_the_ledger_does_not_hold_or_of_another_table_does_nothing()
    {
        Assert.Equal(0, await RepairAsync(0, 0, 10));
        Assert.Equal(0, await new RollupCheck(fixture.Ledger).RepairAsync("dead_letters", 0, 0, 10, CancellationToken.None));
    }

    private Task InsertRecentAsync(int partition, long fromBlock) => InsertAsync(partition, fromBlock, "now() - INTERVAL 2 HOUR + number / 10");

    private Task InsertAsync(int partition, long block, string time) => fixture.Ledger.ExecuteAsync($"""
        INSERT INTO metering.token_events (source, epoch, sequence, event_time, tenant, model, served_model, route, pool, api_key, status, outcome,
            input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, duration_us, gpu_us, cost_pico_usd, priced, ledger_partition, block_offset)
        SELECT 's{partition}', 1, number + 1, toDateTime64({time}, 6), 't' || toString(number % 5), 'm' || toString(number % 3), 'm', 'r', 'p' || toString(number % 7), 'k',
            if(number % 11 = 0, 'error', 'ok'), if(number % 13 = 0, 'success', 'unknown'),
            number * 7, number * 3, number, number * 2, number % 4, if(number % 2 = 0, -1, number * 1000), number, toInt64(number * 1000000007), number % 17 != 0, {partition}, {block}
        FROM numbers({Events})
        """);

    private Task DeleteAsync(string table, string where) => fixture.Ledger.ExecuteAsync($"DELETE FROM metering.{table} WHERE {where}");

    private Task<long> RepairAsync(int partition, long from, long to) =>
        new RollupCheck(fixture.Ledger).RepairAsync("token_events", (uint)partition, from, to, CancellationToken.None);

    private Task<string> SumsAsync(string table, int partition) => MeteringDatabase.TextAsync(fixture.Ledger,
        $"SELECT time, tenant, model, pool, {string.Join(", ", Sums.Split(", ").Select(name => $"sum({name}) AS s_{name}"))} FROM metering.{table} WHERE ledger_partition = {partition} GROUP BY time, tenant, model, pool HAVING s_requests != 0 ORDER BY ALL");
}
