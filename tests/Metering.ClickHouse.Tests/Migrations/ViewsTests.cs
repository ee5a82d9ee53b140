using System.Globalization;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Tests.Ledger;

namespace Metering.ClickHouse.Tests.Migrations;

/// <summary>The roll-ups and views on events small enough to add up by hand.</summary>
[Collection(MeteringDatabase.Name)]
public sealed class ViewsTests(EngineFixture fixture) : IAsyncLifetime
{
    private const string Columns = "source, epoch, sequence, event_time, tenant, model, route, api_key, outcome, status, input_tokens, cached_input_tokens, output_tokens, duration_us, cost_pico_usd, priced, ledger_partition, block_offset";

    public async ValueTask InitializeAsync()
    {
        await MeteringDatabase.CreateAsync(fixture.Ledger);
        // Two in the same second, one a second later, one in the next hour; the last is not priced and failed.
        await MeteringDatabase.InsertAsync(fixture.Ledger, Columns,
            "'s', 1, 1, '2026-11-01 10:00:00.100000', 'acme', 'big', 'chat', 'k1', 'success', 'ok', 1000, 400, 100, 2000000, 9000000000000000000, 1, 0, 0",
            "'s', 1, 2, '2026-11-01 10:00:00.900000', 'acme', 'big', 'chat', 'k1', 'success', 'ok', 500, 0, 50, 1000000, 9000000000000000000, 1, 0, 0",
            "'s', 1, 3, '2026-11-01 10:00:01.000000', 'acme', 'small', 'rag', 'k2', 'failure', 'ok', 10, 0, 1, -1, 7, 1, 0, 0",
            "'t', 1, 1, '2026-11-01 11:00:00.000000', 'umbrella', 'big', 'rag', 'k3', 'unknown', 'error', 20, 0, 0, -1, 0, 0, 1, 0");
    }

    public async ValueTask DisposeAsync() => await MeteringDatabase.DropAsync(fixture.Ledger);

    [Theory]
    [InlineData("usage_1h")]
    [InlineData("usage_1m")]
    public async Task Rollups_add_up_by_plain_sum(string table) => Assert.Equal(
        "acme 3 0 1510 400 151 18000000000000000007 0 2 3000000\numbrella 1 1 20 0 0 0 1 0 0",
        await TextAsync($"SELECT tenant, sum(requests), sum(errors), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(cost_pico_usd), sum(unpriced), sum(successes), sum(duration_us) FROM metering.{table} GROUP BY tenant ORDER BY tenant"));

    [Fact]
    public async Task Cost_is_wider_than_64_bits_in_rollups() =>
        Assert.Equal("Int128", await TextAsync("SELECT DISTINCT type FROM system.columns WHERE database = 'metering' AND table LIKE 'usage_1_' AND name = 'cost_pico_usd'"));

    [Fact]
    public async Task Tokens_per_second_by_second()
    {
        // usage_1s keeps a day: these must be of today.
        var start = long.Parse(await TextAsync("SELECT toUnixTimestamp(toStartOfHour(now())) - 3600"), CultureInfo.InvariantCulture);
        string[] ofToday = [
            $"'s', 2, 1, {start}.1, 'acme', 'big', 'chat', 'k1', 'success', 'ok', 1000, 400, 100, 2000000, 9, 1, 0, 1",
            $"'s', 2, 2, {start}.9, 'acme', 'big', 'chat', 'k2', 'success', 'ok', 500, 0, 50, 1000000, 9, 1, 0, 1",
            $"'s', 2, 3, {start + 1}.0, 'acme', 'big', 'rag', 'k2', 'success', 'ok', 10, 0, 1, 1000000, 9, 1, 0, 1"];
        await MeteringDatabase.InsertAsync(fixture.Ledger, Columns, ofToday);

        Assert.Equal(
            "0 acme big chat 2 1500 150 1650\n1 acme big rag 1 10 1 11",
            await TextAsync($"SELECT time - toDateTime({start}), tenant, model, route, requests_per_second, input_tokens_per_second, output_tokens_per_second, total_tokens_per_second FROM metering.tokens_per_second WHERE time >= toDateTime({start}) ORDER BY time"));
    }

    [Fact]
    public async Task Cost_by_tenant_is_exact() => Assert.Equal(
        "2026-11-01 10:00:00 acme 3 1510 151 18000000000000000007 18000000.000000000007 0\n2026-11-01 11:00:00 umbrella 1 20 0 0 0 1",
        await TextAsync("SELECT time, tenant, requests, input_tokens, output_tokens, cost_pico_usd, cost_usd, unpriced FROM metering.cost_by_tenant ORDER BY time"));

    [Fact]
    public async Task Cost_by_model_is_exact() => Assert.Equal(
        "big 3 1520 150 18000000000000000000 18000000\nsmall 1 10 1 7 0.000000000007",
        await TextAsync("SELECT model, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_pico_usd), sum(cost_usd) FROM metering.cost_by_model GROUP BY model ORDER BY model"));

    [Fact]
    public async Task Cost_by_route_is_exact() => Assert.Equal(
        "chat 2 1500 150 18000000000000000000 18000000\nrag 2 30 1 7 0.000000000007",
        await TextAsync("SELECT route, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_pico_usd), sum(cost_usd) FROM metering.cost_by_route GROUP BY route ORDER BY route"));

    [Fact]
    public async Task Cost_per_token_is_a_decimal_and_null_without_tokens()
    {
        await MeteringDatabase.InsertAsync(fixture.Ledger, Columns, "'s', 1, 4, '2026-11-01 12:00:00', 'zero', 'big', 'chat', 'k1', 'unknown', 'ok', 0, 0, 0, -1, 5, 1, 0, 1");

        Assert.Equal(
            "acme big 1650 18000000000000000000 10909090909090909.090909\nacme small 11 7 0.636363\numbrella big 20 0 0\nzero big 0 5 \\N",
            await TextAsync("SELECT tenant, model, tokens, cost_pico_usd, pico_usd_per_token FROM metering.cost_per_token ORDER BY tenant, model"));
    }

    [Fact]
    public async Task Cost_per_outcome_divides_by_successes() => Assert.Equal(
        "acme big chat 2 18000000000000000000 9000000000000000000\nacme small rag 0 7 \\N\numbrella big rag 0 0 \\N",
        await TextAsync("SELECT tenant, model, route, successes, cost_pico_usd, pico_usd_per_success FROM metering.cost_per_outcome ORDER BY tenant, model"));

    [Fact]
    public async Task Events_whose_arrival_is_in_milliseconds_are_taken_to_the_second()
    {
        using var block = new MemoryStream();
        await fixture.Ledger.QueryAsync("SELECT 'n' AS source, toInt64(9) AS epoch, toInt64(1) AS sequence, toDateTime64('2026-11-02 00:00:00.123456', 6, 'UTC') AS event_time, 'x' AS tenant, 'm' AS model, toDateTime64('2026-11-02 00:00:01.999', 3, 'UTC') AS arrived_at", "Native", block);

        await fixture.Ledger.InsertAsync(new LedgerInsert("metering.token_events", [block.ToArray()], ["source", "epoch", "sequence", "event_time", "tenant", "model", "arrived_at"], "ms"));

        Assert.Equal("2026-11-02 00:00:00.123456 2026-11-02 00:00:01", await TextAsync("SELECT event_time, arrived_at FROM metering.token_events WHERE source = 'n'"));
    }

    [Fact]
    public async Task Source_accounts_keep_the_newest_of_an_epoch()
    {
        await fixture.Ledger.ExecuteAsync("INSERT INTO metering.source_accounts (ledger_partition, block_offset, source, epoch, received, metered) VALUES (0, 4, 's', 1, 10, 9)");
        await fixture.Ledger.ExecuteAsync("INSERT INTO metering.source_accounts (ledger_partition, block_offset, source, epoch, received, metered) VALUES (0, 9, 's', 1, 30, 28), (0, 9, 's', 2, 1, 1)");
        await fixture.Ledger.ExecuteAsync("INSERT INTO metering.source_accounts (ledger_partition, block_offset, source, epoch, received, metered) VALUES (0, 7, 's', 1, 30, 19)");

        Assert.Equal("1 30 28\n2 1 1", await TextAsync("SELECT epoch, received, metered FROM metering.source_accounts FINAL ORDER BY epoch"));
    }

    private Task<string> TextAsync(string sql) => MeteringDatabase.TextAsync(fixture.Ledger, sql);
}
