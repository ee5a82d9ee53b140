using System.Net;
using System.Net.Sockets;
using System.Text;
using Metering.ClickHouse.Http;
using Metering.ClickHouse.Ledger;
using Microsoft.AspNetCore.Http;

namespace Metering.ClickHouse.Tests.Ledger;

/// <summary>The server backend against the real engine behind its HTTP interface, and against servers that misbehave.</summary>
[Trait("rule", "R17")]
public sealed class ServerLedgerTests(EngineFixture fixture) : IAsyncLifetime
{
    private static readonly string[] Columns = ["p", "v"];

    private ClickHouseHttpServer _server = null!;
    private ServerLedger _ledger = null!;
    private string _database = "";

    public async ValueTask InitializeAsync()
    {
        _database = await fixture.CreateDatabaseAsync();
        _server = await ClickHouseHttpServer.StartAsync(fixture.Engine, new ClickHouseHttpOptions { Port = 0 });
        _ledger = new ServerLedger($"{_server.Url.AbsoluteUri}?database={_database}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is null)
            return;
        await _ledger.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Insert_of_several_blocks_is_one_insert_and_the_same_token_again_adds_nothing()
    {
        await CreateTablesAsync();
        var insert = new LedgerInsert(_database + ".events", [await BlockAsync(0, 1000), await BlockAsync(1000, 500)], Columns, "t'oken\\1");

        Assert.True(await _ledger.InsertAsync(insert) >= 1500);
        await _ledger.InsertAsync(insert);

        Assert.Equal("1500\t1500", await CountsAsync());
        Assert.Equal("2", await fixture.Engine.QueryTextAsync($"SELECT count() FROM system.parts WHERE database = '{_database}' AND table = 'events' AND active AND level = 0"));
    }

    [Fact]
    public async Task Insert_with_the_token_of_the_embedded_ledger_adds_nothing()
    {
        await CreateTablesAsync();
        var insert = new LedgerInsert(_database + ".events", [await BlockAsync(0, 1000)], Columns, "shared");

        await fixture.Ledger.InsertAsync(insert);
        await _ledger.InsertAsync(insert);

        Assert.Equal("1000\t1000", await CountsAsync());
    }

    [Fact]
    public async Task Insert_whose_rollup_fails_fails_with_the_engines_code_and_its_retry_completes_it()
    {
        await CreateTablesAsync();
        await _ledger.ExecuteAsync($"CREATE MATERIALIZED VIEW {_database}.trap TO {_database}.rollup AS SELECT p, toUInt64(throwIf(v = 7)) AS n FROM {_database}.events");
        var insert = new LedgerInsert(_database + ".events", [await BlockAsync(0, 10)], Columns, "trap");

        var error = await Assert.ThrowsAsync<LedgerException>(() => _ledger.InsertAsync(insert));
        Assert.Equal((395, false), (error.Code, error.IsTransient));
        await _ledger.ExecuteAsync($"DROP TABLE {_database}.trap");
        await _ledger.InsertAsync(insert);

        Assert.Equal("10\t10", await CountsAsync());
    }

    [Theory]
    [InlineData("SELEC 1", 62)]
    [InlineData("SELECT * FROM no_such_table", 60)]
    [InlineData("SELECT throwIf(number = 1) FROM numbers(2)", 395)]
    public async Task Wrong_statement_is_a_lasting_error_with_ClickHouses_code(string sql, int code)
    {
        var error = await Assert.ThrowsAsync<LedgerException>(() => _ledger.QueryAsync(sql, "TSV", Stream.Null));

        Assert.Equal((code, false), (error.Code, error.IsTransient));
        Assert.Contains($"Code: {code}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_copies_the_result_in_its_format_from_the_urls_database()
    {
        using var output = new MemoryStream();
        await _ledger.QueryAsync("SELECT currentDatabase() AS d, getSetting('max_threads') > 0 AS t", "JSONEachRow", output);
        Assert.Equal($"{{\"d\":\"{_database}\",\"t\":1}}\n", Encoding.UTF8.GetString(output.ToArray()));

        output.SetLength(0);
        await _ledger.QueryAsync("SELECT number FROM numbers(3000000)", "RowBinary", output);
        Assert.Equal(24_000_000, output.Length);
    }

    [Fact]
    public async Task Execute_needs_no_database_that_exists()
    {
        await using var ledger = new ServerLedger($"{_server.Url.AbsoluteUri}?database=not_yet_{_database}");

        await ledger.ExecuteAsync($"CREATE DATABASE not_yet_{_database}");

        Assert.Equal("not_yet_" + _database, (await ledger.RowsAsync("SELECT currentDatabase()"))[0][0]);
    }

    [Fact]
    public async Task Endpoint_that_is_away_is_transient()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        taken.Stop();
        await using var ledger = new ServerLedger($"http://me:geheim@127.0.0.1:{port}/");

        var error = await Assert.ThrowsAsync<LedgerException>(() => ledger.ExecuteAsync("SELECT 1"));

        Assert.True(error.IsTransient);
        Assert.DoesNotContain("geheim", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", ledger.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endpoint_that_comes_back_is_used_again()
    {
        var port = _server.Url.Port;
        await _ledger.ExecuteAsync("SELECT 1");
        await _server.DisposeAsync();
        Assert.True((await Assert.ThrowsAsync<LedgerException>(() => _ledger.ExecuteAsync("SELECT 1"))).IsTransient);

        _server = await ClickHouseHttpServer.StartAsync(fixture.Engine, new ClickHouseHttpOptions { Port = port });

        Assert.Equal("1", (await _ledger.RowsAsync("SELECT 1"))[0][0]);
    }

    [Fact]
    public async Task Path_user_settings_and_the_pinned_parameters_reach_the_server()
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.Headers["X-ClickHouse-Summary"] = """{"written_rows":"7"}""";
            return context.Response.WriteAsync(context.Request.Query.ContainsKey("query") ? "" : "async_insert\n");
        });
        await using var ledger = new ServerLedger($"http://me:ge%2Fheim@127.0.0.1:{server.Url.Port}/click/house/?database=m&max_threads=3");

        Assert.Equal(7, await ledger.InsertAsync(new LedgerInsert("metering.t", [new byte[] { 1 }, new byte[] { 2 }], Columns, "tok")));

        var (path, query, authorization) = server.Requests[^1];
        Assert.Equal("/click/house/", path);
        Assert.Equal("Basic " + Convert.ToBase64String("me:ge/heim"u8), authorization);
        Assert.Equal(("1", "3"), (query["wait_end_of_query"].ToString(), query["max_threads"].ToString()));
        Assert.StartsWith("INSERT INTO metering.t (`p`, `v`) SETTINGS async_insert = '0'", query["query"].ToString(), StringComparison.Ordinal);
        Assert.EndsWith("insert_deduplication_token = 'tok' FORMAT Native", query["query"].ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("deduplicate_insert =", query["query"].ToString(), StringComparison.Ordinal); // this server does not know it
    }

    [Theory]
    [InlineData(502, "<html>bad gateway</html>", 0, true)]
    [InlineData(429, "", 0, true)]
    [InlineData(404, "no such page", 0, false)]
    [InlineData(307, "", 0, false)]
    [InlineData(500, "Code: 241. DB::Exception: Memory limit (total) exceeded", 241, true)]
    [InlineData(500, "Code: 395. DB::Exception: Value passed to 'throwIf'", 395, false)]
    [InlineData(403, "Code: 516. DB::Exception: me: Authentication failed", 516, false)]
    public async Task Answer_other_than_success_tells_whether_to_try_again(int status, string text, int code, bool isTransient)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync(text);
        });
        await using var ledger = new ServerLedger(server.Url.AbsoluteUri);

        var error = await Assert.ThrowsAsync<LedgerException>(() => ledger.ExecuteAsync("SELECT 1"));

        Assert.Equal((code, isTransient), (error.Code, error.IsTransient));
    }

    [Fact]
    public async Task Connection_cut_in_the_middle_of_a_result_is_transient()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        await using var ledger = new ServerLedger(server.Url.AbsoluteUri);

        var error = await Assert.ThrowsAsync<LedgerException>(() => ledger.QueryAsync("SELECT 1", "TSV", Stream.Null));

        Assert.True(error.IsTransient);
    }

    [Fact]
    public async Task Insert_cut_off_by_the_server_is_transient()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            if (context.Request.Query.ContainsKey("query"))
                context.Abort();
            else
                await context.Response.WriteAsync("async_insert\n");
        });
        await using var ledger = new ServerLedger(server.Url.AbsoluteUri);

        var error = await Assert.ThrowsAsync<LedgerException>(() => ledger.InsertAsync(new LedgerInsert("t", [new byte[8 << 20]], Columns, "x")));

        Assert.True(error.IsTransient);
    }

    [Fact]
    public async Task Cancellation_ends_a_statement_without_an_answer()
    {
        var asked = new TaskCompletionSource();
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        await using var ledger = new ServerLedger(server.Url.AbsoluteUri);
        using var cancelled = new CancellationTokenSource();

        var execution = ledger.ExecuteAsync("SELECT 1", cancelled.Token);
        await asked.Task;
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => execution);
    }

    [Theory]
    [InlineData(null, -1)]
    [InlineData("{\"written_rows\":\"12", -1)]
    [InlineData("{\"written_rows\":\"12\"}", 12)]
    public async Task Insert_returns_the_summarys_rows_or_minus_one(string? summary, long expected)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            if (summary is not null)
                context.Response.Headers["X-ClickHouse-Summary"] = summary;
            return Task.CompletedTask;
        });
        await using var ledger = new ServerLedger(server.Url.AbsoluteUri);

        Assert.Equal(expected, await ledger.InsertAsync(new LedgerInsert("t", [], Columns, "x")));
    }

    private async Task CreateTablesAsync()
    {
        await _ledger.ExecuteAsync($"CREATE TABLE {_database}.events (p UInt16, v Int64) ENGINE = MergeTree PARTITION BY p ORDER BY v SETTINGS non_replicated_deduplication_window = 1000");
        await _ledger.ExecuteAsync($"CREATE TABLE {_database}.rollup (p UInt16, n UInt64) ENGINE = SummingMergeTree ORDER BY p SETTINGS non_replicated_deduplication_window = 1000");
        await _ledger.ExecuteAsync($"CREATE MATERIALIZED VIEW {_database}.to_rollup TO {_database}.rollup AS SELECT p, count() AS n FROM {_database}.events GROUP BY p");
    }

    private async Task<ReadOnlyMemory<byte>> BlockAsync(int from, int rows)
    {
        using var output = new MemoryStream();
        await _ledger.QueryAsync($"SELECT toUInt16(number % 2) AS p, toInt64(number) AS v FROM numbers({from}, {rows}) SETTINGS max_block_size = 10000000", "Native", output);
        return output.ToArray();
    }

    private async Task<string> CountsAsync() =>
        string.Join('\t', (await _ledger.RowsAsync($"SELECT (SELECT count() FROM {_database}.events), (SELECT sum(n) FROM {_database}.rollup)"))[0]);
}
