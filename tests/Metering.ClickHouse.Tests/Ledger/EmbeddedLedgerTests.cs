using System.Text;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Ledger;

[Trait("rule", "R17")]
public sealed class EmbeddedLedgerTests(EngineFixture fixture)
{
    private static readonly string[] Columns = ["p", "v"];

    [Fact]
    public async Task Insert_same_token_again_writes_nothing_in_table_nor_rollup()
    {
        var database = await CreateTablesAsync();
        var insert = new LedgerInsert(database + ".events", [await BlockAsync(0, 1000), await BlockAsync(1000, 500)], Columns, "t'oken\\1");

        Assert.True(await fixture.Ledger.InsertAsync(insert) >= 1500);
        Assert.Equal("1500\t1500", await CountsAsync(database));
        await fixture.Ledger.InsertAsync(insert);

        Assert.Equal("1500\t1500", await CountsAsync(database));
    }

    [Fact]
    public async Task Insert_same_data_under_another_token_is_written()
    {
        var database = await CreateTablesAsync();
        var insert = new LedgerInsert(database + ".events", [await BlockAsync(0, 1000)], Columns, "one");

        await fixture.Ledger.InsertAsync(insert);
        await fixture.Ledger.InsertAsync(insert with { Token = "two" });

        Assert.Equal("2000\t2000", await CountsAsync(database));
    }

    [Fact]
    public async Task Insert_of_many_blocks_makes_one_part_a_partition()
    {
        var database = await CreateTablesAsync();
        await fixture.Ledger.ExecuteAsync($"SYSTEM STOP MERGES {database}.events");
        var blocks = new List<ReadOnlyMemory<byte>>();
        for (var i = 0; i < 40; i++)
            blocks.Add(await BlockAsync(i * 40_000, 40_000));

        await fixture.Ledger.InsertAsync(new LedgerInsert(database + ".events", blocks, Columns, "many"));

        Assert.Equal("1600000\t1600000", await CountsAsync(database));
        Assert.Equal("2", await fixture.Engine.QueryTextAsync($"SELECT count() FROM system.parts WHERE database = '{database}' AND table = 'events' AND active"));
    }

    [Fact]
    public async Task Insert_whose_rollup_fails_fails_and_its_retry_completes_it()
    {
        var database = await CreateTablesAsync();
        await fixture.Ledger.ExecuteAsync($"CREATE MATERIALIZED VIEW {database}.trap TO {database}.rollup AS SELECT p, toUInt64(throwIf(v = 7)) AS n FROM {database}.events");
        var insert = new LedgerInsert(database + ".events", [await BlockAsync(0, 10)], Columns, "trap");

        var error = await Assert.ThrowsAsync<LedgerException>(() => fixture.Ledger.InsertAsync(insert));
        Assert.Equal(395, error.Code);
        await fixture.Ledger.ExecuteAsync($"DROP TABLE {database}.trap");
        await fixture.Ledger.InsertAsync(insert);

        Assert.Equal("10\t10", await CountsAsync(database));
    }

    [Fact]
    public async Task Insert_of_a_cut_block_is_a_lasting_error_and_writes_nothing()
    {
        var database = await CreateTablesAsync();
        var block = await BlockAsync(0, 1000);

        var error = await Assert.ThrowsAsync<LedgerException>(() =>
            fixture.Ledger.InsertAsync(new LedgerInsert(database + ".events", [block[..^100]], Columns, "cut")));

        Assert.False(error.IsTransient);
        Assert.Equal("0\t0", await CountsAsync(database));
    }

    [Fact]
    public async Task Settings_pinned_are_known_to_this_engine()
    {
        var known = (await fixture.Engine.QueryTextAsync("SELECT name FROM system.settings")).Split('\n');

        Assert.All(InsertSettings.For(_ => true), setting => Assert.Contains(setting.Key, known));
    }

    [Fact]
    public async Task Query_copies_the_result_in_its_format()
    {
        using var output = new MemoryStream();
        await fixture.Ledger.QueryAsync("SELECT 1 AS x", "JSONEachRow", output);

        Assert.Equal("{\"x\":1}\n", Encoding.UTF8.GetString(output.ToArray()));
        Assert.StartsWith("embedded /", fixture.Ledger.Description, StringComparison.Ordinal);
    }

    private async Task<string> CreateTablesAsync()
    {
        var database = await fixture.CreateDatabaseAsync();
        foreach (var sql in new[]
        {
            "CREATE TABLE {0}.events (p UInt16, v Int64) ENGINE = MergeTree PARTITION BY p ORDER BY v SETTINGS non_replicated_deduplication_window = 1000",
            "CREATE TABLE {0}.rollup (p UInt16, n UInt64) ENGINE = SummingMergeTree ORDER BY p SETTINGS non_replicated_deduplication_window = 1000",
            "CREATE MATERIALIZED VIEW {0}.to_rollup TO {0}.rollup AS SELECT p, count() AS n FROM {0}.events GROUP BY p",
        })
            await fixture.Ledger.ExecuteAsync(sql.Replace("{0}", database, StringComparison.Ordinal));
        return database;
    }

    private async Task<ReadOnlyMemory<byte>> BlockAsync(int from, int rows)
    {
        using var output = new MemoryStream();
        await fixture.Engine.QueryAsync(new EmbeddedQuery($"SELECT toUInt16(number % 2) AS p, toInt64(number) AS v FROM numbers({from}, {rows}) SETTINGS max_block_size = 10000000", "Native"), output);
        return output.ToArray();
    }

    private Task<string> CountsAsync(string database) =>
        fixture.Engine.QueryTextAsync($"SELECT (SELECT count() FROM {database}.events), (SELECT sum(n) FROM {database}.rollup)");
}
