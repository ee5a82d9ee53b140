using System.Globalization;
using System.Text;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Embedded;

public sealed class EmbeddedEngineTests(EngineFixture fixture)
{
    [Fact]
    public async Task Query_named_parameters_are_bound_not_pasted()
    {
        var query = new EmbeddedQuery("SELECT {a:String}, {b:UInt64} + 1")
        {
            Parameters = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["a"] = SqlText.Parameter("it's\t'; DROP TABLE x; --\n"),
                ["b"] = "41",
            },
        };

        Assert.Equal("it\\'s\\t\\'; DROP TABLE x; --\\n\t42", await fixture.Engine.QueryTextAsync(query));
    }

    [Fact]
    public async Task Query_settings_hold_for_that_statement_only()
    {
        var query = new EmbeddedQuery("SELECT getSetting('max_threads'), getSetting('max_block_size')")
        {
            Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["max_threads"] = "7", ["max_block_size"] = "123" },
        };

        Assert.Equal("7\t123", await fixture.Engine.QueryTextAsync(query));
        for (var i = 0; i < 4; i++)
            Assert.Equal("1\t65409", await fixture.Engine.QueryTextAsync(new EmbeddedQuery(query.Sql)));
    }

    [Fact]
    public async Task Query_that_sets_or_uses_does_not_reach_the_next()
    {
        var database = await fixture.CreateDatabaseAsync();
        for (var i = 0; i < 4; i++)
        {
            await fixture.Engine.ExecuteAsync("USE " + database);
            await fixture.Engine.ExecuteAsync("SET max_block_size = 9");
        }

        for (var i = 0; i < 4; i++)
            Assert.Equal("default\t65409", await fixture.Engine.QueryTextAsync("SELECT currentDatabase(), getSetting('max_block_size')"));
    }

    [Fact]
    public async Task Query_database_is_the_current_one_for_that_statement()
    {
        var database = await fixture.CreateDatabaseAsync();

        Assert.Equal(database, await fixture.Engine.QueryTextAsync(new EmbeddedQuery("SELECT currentDatabase()") { Database = database }));
        var missing = await Assert.ThrowsAsync<LedgerException>(() =>
            fixture.Engine.QueryTextAsync(new EmbeddedQuery("SELECT 1") { Database = "no such" }));
        Assert.Equal(81, missing.Code);
    }

    [Theory]
    [InlineData("SELECT * FROM nowhere.nothing", 81)]
    [InlineData("SELEKT 1 FROM (", 62)]
    [InlineData("", 62)]
    [InlineData("SELECT 1; DROP DATABASE default", 62)]
    [InlineData("SELECT throwIf(1, 'no')", 395)]
    [InlineData("INSERT INTO nowhere.nothing SELECT 1", 81)]
    [InlineData("SET no_such_setting = 1", 115)]
    public async Task Query_that_fails_bears_ClickHouses_code(string sql, int code)
    {
        var error = await Assert.ThrowsAsync<LedgerException>(() => fixture.Engine.ExecuteAsync(sql));

        Assert.Equal(code, error.Code);
        Assert.False(error.IsTransient);
        Assert.Equal("1", await fixture.Engine.QueryTextAsync("SELECT 1"));
    }

    [Fact]
    public async Task Query_over_its_memory_limit_is_transient()
    {
        var query = new EmbeddedQuery("SELECT groupArray(number) FROM numbers(50000000)", "Null")
        {
            Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["max_memory_usage"] = "10000000" },
        };

        var error = await Assert.ThrowsAsync<LedgerException>(() => fixture.Engine.QueryTextAsync(query));

        Assert.Equal(241, error.Code);
        Assert.True(error.IsTransient);
    }

    [Theory]
    [InlineData("TabSeparated")]
    [InlineData("CSV")]
    [InlineData("JSONEachRow")]
    [InlineData("TabSeparatedWithNames")]
    [InlineData("JSON")]
    [InlineData("RowBinary")]
    public async Task Result_of_many_chunks_reads_as_one_document(string format)
    {
        const int rows = 300_000;
        using var output = new MemoryStream();

        await fixture.Engine.QueryAsync(new EmbeddedQuery($"SELECT number AS n FROM numbers({rows})", format), output);

        var bytes = output.ToArray();
        if (format == "RowBinary")
        {
            Assert.Equal(rows * 8, bytes.Length);
            return;
        }
        var text = Encoding.UTF8.GetString(bytes);
        if (format == "JSON")
        {
            using var json = System.Text.Json.JsonDocument.Parse(text);
            Assert.Equal(rows, json.RootElement.GetProperty("data").GetArrayLength());
            return;
        }
        var headers = format == "TabSeparatedWithNames" ? 1 : 0;
        Assert.Equal(rows + headers, text.Count(c => c == '\n'));
        Assert.Equal(headers, text.Split('\n').Count(line => line == "n"));
    }

    [Fact]
    public async Task Result_format_clause_in_the_text_wins()
    {
        Assert.Equal("{\"x\":1}", await fixture.Engine.QueryTextAsync("SELECT 1 AS x FORMAT JSONEachRow"));
    }

    [Fact]
    public async Task Result_streamed_and_dropped_half_way_frees_its_connection()
    {
        for (var i = 0; i < 6; i++)
        {
            await using var result = await fixture.Engine.OpenAsync(new EmbeddedQuery("SELECT number FROM numbers(100000000)", "RowBinary"));
            Assert.NotEqual(0, (await result.ReadAsync()).Length);
        }

        Assert.Equal("1", await fixture.Engine.QueryTextAsync("SELECT 1"));
    }

    [Fact]
    public async Task Result_that_fails_in_the_middle_throws_not_ends()
    {
        await using var result = await fixture.Engine.OpenAsync(
            new EmbeddedQuery("SELECT throwIf(number = 1000000) FROM numbers(2000000)", "RowBinary"));

        var error = await Assert.ThrowsAsync<LedgerException>(() => result.CopyToAsync(Stream.Null));

        Assert.Equal(395, error.Code);
    }

    [Fact]
    public async Task Result_memory_is_refused_after_the_next_read()
    {
        await using var result = await fixture.Engine.OpenAsync(new EmbeddedQuery("SELECT number FROM numbers(200000)", "RowBinary"));
        var first = await result.ReadAsync();
        await result.ReadAsync();

        Assert.Throws<ObjectDisposedException>(() => first.Span.Length);
    }

    [Fact]
    public async Task Query_cancelled_ends_in_the_engine_too()
    {
        using var cancel = new CancellationTokenSource();
        var endless = fixture.Engine.ExecuteAsync("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endless);
        // The engine takes a statement off its list a moment after it has answered.
        for (var look = 0; await fixture.Engine.QueryTextAsync("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sipHash64%'") != "0"; look++)
        {
            Assert.True(look < 100, "the statement goes on");
            await Task.Delay(50);
        }
    }

    [Fact]
    public async Task Insert_from_little_pieces_is_one_insert()
    {
        var database = await fixture.CreateDatabaseAsync();
        await fixture.Engine.ExecuteAsync($"CREATE TABLE {database}.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n");
        await using (var insert = await fixture.Engine.OpenInsertAsync(new EmbeddedInsert("INSERT INTO t", "CSV") { Database = database }))
        {
            foreach (var piece in new[] { "1,", "a\n2", ",\"b\nc\"\n", "", "3,d" })
                await insert.AppendAsync(Encoding.UTF8.GetBytes(piece));
            Assert.Equal(3, (await insert.CompleteAsync()).RowsWritten);
        }

        Assert.Equal("1\ta\n2\tb\\nc\n3\td", await fixture.Engine.QueryTextAsync($"SELECT * FROM {database}.t ORDER BY n"));
    }

    [Fact]
    public async Task Insert_given_up_writes_nothing()
    {
        var database = await fixture.CreateDatabaseAsync();
        await fixture.Engine.ExecuteAsync($"CREATE TABLE {database}.t (n UInt64) ENGINE = MergeTree ORDER BY n");
        await using (var insert = await fixture.Engine.OpenInsertAsync(new EmbeddedInsert($"INSERT INTO {database}.t", "CSV")))
            await insert.AppendAsync("1\n2\n"u8.ToArray());

        Assert.Equal("0", await fixture.Engine.QueryTextAsync($"SELECT count() FROM {database}.t"));
    }

    [Theory]
    [InlineData("INSERT INTO no_such_table")]
    [InlineData("INSERT INTO system.one (no_such_column)")]
    [InlineData("not sql at all")]
    public async Task Insert_into_what_does_not_exist_throws(string sql)
    {
        await Assert.ThrowsAsync<LedgerException>(() => fixture.Engine.InsertAsync(new EmbeddedInsert(sql, "CSV"), ["1\n"u8.ToArray()]));
        Assert.Equal("1", await fixture.Engine.QueryTextAsync("SELECT 1"));
    }

    [Fact]
    public async Task Engine_readers_and_writer_work_side_by_side()
    {
        var database = await fixture.CreateDatabaseAsync();
        await fixture.Engine.ExecuteAsync($"CREATE TABLE {database}.t (n UInt64) ENGINE = MergeTree ORDER BY n");
        const int inserts = 50;
        const int rowsPerInsert = 1000;
        var data = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, rowsPerInsert).Select(n => n.ToString(CultureInfo.InvariantCulture) + "\n")));

        var writing = Task.WhenAll(Enumerable.Range(0, inserts).Select(_ =>
            fixture.Engine.InsertAsync(new EmbeddedInsert($"INSERT INTO {database}.t", "CSV"), [data])));
        var reading = Task.WhenAll(Enumerable.Range(0, 200).Select(_ =>
            fixture.Engine.QueryTextAsync($"SELECT count() % {rowsPerInsert} FROM {database}.t")));

        await writing;
        Assert.All(await reading, remainder => Assert.Equal("0", remainder));
        Assert.Equal("50000", await fixture.Engine.QueryTextAsync($"SELECT count() FROM {database}.t"));
    }

    [Fact]
    public async Task Runtime_keeps_its_signals_after_connect()
    {
        Assert.Equal("1", await fixture.Engine.QueryTextAsync("SELECT 1"));
        var started = TimeProvider.System.GetTimestamp();

        Assert.Throws<NullReferenceException>(() => ReadNothing(null));
        for (var i = 0; i < 5; i++)
            GC.Collect();

        // With the engine's handlers in place each of these took many seconds or hung.
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Start_of_a_second_engine_in_the_process_is_refused()
    {
        _ = fixture.Engine;
        var error = await Assert.ThrowsAsync<LedgerException>(() =>
            EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = Path.Combine(Path.GetTempPath(), "metering-second") }));

        Assert.Contains("only one", error.Message, StringComparison.Ordinal);
    }

    private static int ReadNothing(string? text) => text!.Length;
}
