using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;
using Metering.ClickHouse.Tests.Ledger;

namespace Metering.ClickHouse.Tests.Migrations;

[Collection(MeteringDatabase.Name)]
public sealed class MigratorTests(EngineFixture fixture) : IAsyncLifetime
{
    private const string LockSql = "CREATE TABLE metering.migration_lock (at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at COMMENT 'somebody else'";

    private static readonly Migration[] Two =
    [
        new(1, "first", "-- a comment\nCREATE TABLE IF NOT EXISTS metering.a (x Int8) ENGINE = MergeTree ORDER BY x;\nCREATE TABLE IF NOT EXISTS metering.b (x Int8) ENGINE = MergeTree ORDER BY x;\n"),
        new(2, "second", "CREATE TABLE IF NOT EXISTS metering.c (s String DEFAULT 'a; b') ENGINE = MergeTree ORDER BY s;\n"),
    ];

    public async ValueTask InitializeAsync() => await MeteringDatabase.DropAsync(fixture.Ledger);

    public async ValueTask DisposeAsync() => await MeteringDatabase.DropAsync(fixture.Ledger);

    public static TheoryData<string> Backends => MeteringDatabase.Backends;

    [Theory]
    [MemberData(nameof(Backends))]
    public async Task Apply_makes_the_tables_and_views_once(string backend)
    {
        var (ledger, server) = await MeteringDatabase.OpenAsync(fixture, backend);

        Assert.Equal(Migration.All().Count, await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None));
        Assert.Equal(0, await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None));

        var tables = (await ledger.RowsAsync("SELECT name FROM system.tables WHERE database = 'metering'")).Select(row => row[0]).ToHashSet(StringComparer.Ordinal);
        Assert.Superset(new HashSet<string>(["token_events", "usage_1s", "usage_1m", "usage_1h", "source_accounts", "dead_letters", "signals", "decisions", "prices", "tokens_per_second", "cost_by_tenant", "cost_by_model", "cost_by_route", "cost_per_token", "cost_per_outcome"], StringComparer.Ordinal), tables);
        Assert.DoesNotContain("migration_lock", tables);
        Assert.Equal(string.Join(',', Enumerable.Range(1, Migration.All().Count)), (await ledger.RowsAsync("SELECT arrayStringConcat(groupArray(toString(version)), ',') FROM (SELECT version FROM metering.schema_migrations ORDER BY version)"))[0][0]);
        await CloseAsync(ledger, server);
    }

    [Fact]
    public void Files_are_numbered_from_one_without_a_gap() =>
        Assert.Equal(Enumerable.Range(1, Migration.All().Count), Migration.All().Select(migration => migration.Version));

    [Fact]
    public async Task Every_table_that_sink_writes_keeps_the_tokens_and_syncs_its_parts()
    {
        await MeteringDatabase.CreateAsync(fixture.Ledger);

        foreach (var table in new[] { "token_events", "usage_1s", "usage_1m", "usage_1h", "source_accounts", "dead_letters", "signals", "decisions" })
        {
            var engine = (await fixture.Ledger.RowsAsync($"SELECT engine_full FROM system.tables WHERE database = 'metering' AND name = '{table}'"))[0][0];
            Assert.Contains("non_replicated_deduplication_window = 100000", engine, StringComparison.Ordinal); // R20
            Assert.Contains("fsync_after_insert = 1, fsync_part_directory = 1", engine, StringComparison.Ordinal); // R19
        }
    }

    [Fact]
    public async Task Apply_refuses_a_migration_whose_text_has_changed()
    {
        await Migrator(Two).ApplyAsync(CancellationToken.None);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Migrator([Two[0], Two[1] with { Sql = Two[1].Sql + "\n" }]).ApplyAsync(CancellationToken.None));

        Assert.Contains("migration 2 (second)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_refuses_a_ledger_of_a_newer_program()
    {
        await Migrator(Two).ApplyAsync(CancellationToken.None);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Migrator([Two[0]]).ApplyAsync(CancellationToken.None));

        Assert.Contains("has migration 2, this program knows 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_of_a_newer_program_adds_what_is_missing()
    {
        await Migrator([Two[0]]).ApplyAsync(CancellationToken.None);

        Assert.Equal(1, await Migrator(Two).ApplyAsync(CancellationToken.None));
        Assert.Equal("a; b", (await fixture.Ledger.RowsAsync("SELECT default_expression FROM system.columns WHERE database = 'metering' AND table = 'c'"))[0][0].Trim('\''));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public async Task Apply_by_several_at_once_applies_each_once(string backend)
    {
        var (ledger, server) = await MeteringDatabase.OpenAsync(fixture, backend);

        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None))));

        Assert.Equal(Migration.All().Count, applied.Sum());
        Assert.Equal($"{Migration.All().Count} {Migration.All().Count}", await MeteringDatabase.TextAsync(ledger, "SELECT count(), uniqExact(version) FROM metering.schema_migrations"));
        await CloseAsync(ledger, server);
    }

    [Fact]
    public async Task Apply_waits_for_a_living_holder_of_the_lock()
    {
        await PrepareAsync();
        await fixture.Ledger.ExecuteAsync(LockSql);
        var apply = Migrator(Two).ApplyAsync(CancellationToken.None);

        Assert.NotSame(apply, await Task.WhenAny(apply, Task.Delay(TimeSpan.FromSeconds(1))));
        await fixture.Ledger.ExecuteAsync("DROP TABLE metering.migration_lock SYNC");

        Assert.Equal(2, await apply);
    }

    [Fact]
    public async Task Apply_takes_over_a_stale_lock_and_leaves_none()
    {
        await PrepareAsync();
        await fixture.Ledger.ExecuteAsync(LockSql);
        var file = (await fixture.Ledger.RowsAsync("SELECT metadata_path FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'"))[0][0];
        if (!Path.IsPathRooted(file))
            file = Path.Combine(fixture.Engine.Directory, file);
        File.SetLastWriteTimeUtc(file, File.GetLastWriteTimeUtc(file) - LedgerLock.IsStaleAfter - TimeSpan.FromSeconds(2));

        Assert.Equal(2, await Migrator(Two).ApplyAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Empty(await fixture.Ledger.RowsAsync("SELECT name FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'"));
    }

    [Fact]
    public async Task Apply_that_died_after_any_statement_is_completed_by_the_next()
    {
        for (var statements = 0; ; statements++)
        {
            await MeteringDatabase.DropAsync(fixture.Ledger);
            try
            {
                await new Migrator(new FailingLedger(fixture.Ledger, statements), TimeProvider.System, Two).ApplyAsync(CancellationToken.None);
                Assert.True(statements > 8, "it must have died at each of its statements first");
                return;
            }
            catch (LedgerException)
            {
                await fixture.Ledger.ExecuteAsync("CREATE DATABASE IF NOT EXISTS metering");
                await fixture.Ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock SYNC"); // as if it had gone stale
            }

            await Migrator(Two).ApplyAsync(CancellationToken.None);

            Assert.Equal("a b c schema_migrations", await MeteringDatabase.TextAsync(fixture.Ledger, "SELECT arrayStringConcat(groupArray(name), ' ') FROM (SELECT name FROM system.tables WHERE database = 'metering' ORDER BY name)"));
            Assert.Equal("2 2", await MeteringDatabase.TextAsync(fixture.Ledger, "SELECT count(), uniqExact(version) FROM metering.schema_migrations"));
        }
    }

    [Fact]
    public async Task All_statements_of_the_real_migrations_can_be_run_twice()
    {
        await MeteringDatabase.CreateAsync(fixture.Ledger);

        foreach (var statement in Migration.All().SelectMany(migration => migration.Statements()))
            await fixture.Ledger.ExecuteAsync(statement);
    }

    private Migrator Migrator(IReadOnlyList<Migration> all) => new(fixture.Ledger, TimeProvider.System, all);

    private async Task PrepareAsync() => await fixture.Ledger.ExecuteAsync("CREATE DATABASE metering");

    private static async Task CloseAsync(ILedger ledger, IAsyncDisposable? server)
    {
        if (server is null)
            return;
        await ledger.DisposeAsync();
        await server.DisposeAsync();
    }
}
