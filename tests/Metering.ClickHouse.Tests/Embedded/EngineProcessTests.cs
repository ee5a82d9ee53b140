using System.Diagnostics;
using System.Globalization;
using System.Text;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Embedded;

/// <summary>What the engine does to a process and a directory: each case in a child of its own.</summary>
public sealed class EngineProcessTests(EngineFixture fixture) : IDisposable
{
    // Not in a child: one that is killed could not delete it.
    private readonly DirectoryInfo? _made = ChildProcess.IsChild ? null : Directory.CreateTempSubdirectory("metering-engine-");

    public void Dispose() => _made?.Delete(recursive: true);

    private DirectoryInfo Folder => _made!;

    [Fact]
    public Task Stop_and_start_keeps_the_data_also_with_another_directory_between() =>
        PassesAsync(nameof(ChildRestarts), Folder.FullName);

    [Fact]
    public Task Start_on_a_directory_that_another_process_has_is_refused_by_name() =>
        PassesAsync(nameof(ChildIsRefused), fixture.Engine.Directory);

    [Fact]
    public Task Start_where_nothing_can_be_written_says_so() =>
        PassesAsync(nameof(ChildCannotWrite), "/proc/metering");

    [Fact]
    public Task Start_without_the_library_names_the_fix() =>
        PassesAsync(nameof(ChildHasNoLibrary), Folder.FullName, (ChdbLibrary.PathVariable, "/no/libchdb.so"));

    [Fact]
    public Task Start_with_wrong_options_names_all_of_them() =>
        PassesAsync(nameof(ChildHasWrongOptions), Folder.FullName);

    [Fact]
    public Task Engine_on_damaged_data_tells_the_engines_own_reason()
    {
        EngineFixture.SkipWithoutLibrary();
        // The engine wants a file here.
        Folder.CreateSubdirectory("status");
        return PassesAsync(nameof(ChildCannotStart), Folder.FullName);
    }

    [Fact]
    public Task Process_with_an_idle_engine_stays_small() =>
        PassesAsync(nameof(ChildIsIdle), Folder.FullName);

    [Fact]
    public async Task Kill_in_the_middle_of_inserts_loses_nothing_acknowledged_and_doubles_nothing()
    {
        EngineFixture.SkipWithoutLibrary();
        for (var round = 0; round < 2; round++)
        {
            var (exit, output) = await ChildProcess.RunAsync(typeof(EngineProcessTests), nameof(ChildInsertsUntilKilled), Folder.FullName);
            Assert.True(exit == 137, $"exit {exit}: {output}");
        }
        await PassesAsync(nameof(ChildCounts), Folder.FullName);
    }

    [Fact(Explicit = true)]
    public async Task ChildRestarts()
    {
        ChildProcess.RequireChild();
        var first = new EmbeddedEngineOptions { Directory = Path.Combine(ChildProcess.Argument, "a") };
        var second = new EmbeddedEngineOptions { Directory = Path.Combine(ChildProcess.Argument, "b") };
        await using (var engine = await EmbeddedEngine.StartAsync(first))
        {
            await engine.ExecuteAsync("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
            await engine.InsertAsync(new EmbeddedInsert("INSERT INTO t", "CSV"), ["1\n2\n3\n"u8.ToArray()]);
        }
        await using (var engine = await EmbeddedEngine.StartAsync(second))
            Assert.Equal("0", await engine.QueryTextAsync("EXISTS TABLE t"));
        await using (var engine = await EmbeddedEngine.StartAsync(first))
            Assert.Equal("6", await engine.QueryTextAsync("SELECT sum(n) FROM t"));
    }

    [Fact(Explicit = true)]
    public async Task ChildIsRefused()
    {
        ChildProcess.RequireChild();
        var error = await StartErrorAsync(ChildProcess.Argument);

        Assert.Contains("in use by another process (process ", error.Message, StringComparison.Ordinal);
        Assert.Contains(ChildProcess.Argument, error.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task ChildCannotWrite()
    {
        ChildProcess.RequireChild();
        var error = await StartErrorAsync(ChildProcess.Argument);

        Assert.Contains(ChildProcess.Argument, error.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be", error.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task ChildHasNoLibrary()
    {
        ChildProcess.RequireChild();
        var error = await StartErrorAsync(ChildProcess.Argument);

        Assert.Contains("/no/libchdb.so", error.Message, StringComparison.Ordinal);
        Assert.Contains("./metering doctor", error.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task ChildHasWrongOptions()
    {
        ChildProcess.RequireChild();
        var error = await Assert.ThrowsAsync<LedgerException>(() =>
            EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = " ", Readers = 17, MaxMemoryBytes = 1, MarkCacheBytes = 0, MaxWaiting = 0 }));

        foreach (var name in new[] { "Directory", "Readers is 17", "MaxMemoryBytes", "MarkCacheBytes", "MaxWaiting" })
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task ChildCannotStart()
    {
        ChildProcess.RequireChild();
        var error = await StartErrorAsync(ChildProcess.Argument);

        Assert.NotEqual(0, error.Code);
        Assert.Contains("Is a directory", error.Message, StringComparison.Ordinal);
        // The lock is free again: the next start has the same reason, not "in use".
        Assert.Equal(error.Code, (await StartErrorAsync(ChildProcess.Argument)).Code);
    }

    [Fact(Explicit = true)]
    public async Task ChildIsIdle()
    {
        ChildProcess.RequireChild();
        await using var engine = await EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = ChildProcess.Argument });
        Assert.Equal("2147483648\t67108864", await engine.QueryTextAsync(
            "SELECT maxIf(value, name = 'max_server_memory_usage'), maxIf(value, name = 'mark_cache_size') FROM system.server_settings"));

        // 0.25 GB of engine and what the runtime and the test runner take.
        var residentMb = Environment.WorkingSet >> 20;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{residentMb} MB resident"));
        Assert.InRange(residentMb, 100, 400);
    }

    [Fact(Explicit = true)]
    public async Task ChildInsertsUntilKilled()
    {
        ChildProcess.RequireChild();
        await using var engine = await EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = ChildProcess.Argument });
        await engine.ExecuteAsync("CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = MergeTree ORDER BY n");
        await using var acknowledged = new FileStream(Path.Combine(ChildProcess.Argument, "acknowledged.txt"), FileMode.Append);
        for (var i = 0; ; i++)
        {
            var row = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}{i:D6}\n"));
            var insert = engine.InsertAsync(new EmbeddedInsert("INSERT INTO t", "CSV"), [row]);
            if (i == 50)
                Process.GetCurrentProcess().Kill();
            await insert;
            await acknowledged.WriteAsync(row);
            await acknowledged.FlushAsync();
        }
    }

    [Fact(Explicit = true)]
    public async Task ChildCounts()
    {
        ChildProcess.RequireChild();
        await using var engine = await EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = ChildProcess.Argument });
        var rows = (await engine.QueryTextAsync("SELECT n FROM t ORDER BY n")).Split('\n');
        var acknowledged = await File.ReadAllLinesAsync(Path.Combine(ChildProcess.Argument, "acknowledged.txt"));

        Assert.Equal(100, acknowledged.Length);
        Assert.Empty(acknowledged.Except(rows, StringComparer.Ordinal));
        Assert.Equal(rows.Length, rows.Distinct(StringComparer.Ordinal).Count());
        // What was under way at the kill may be there or not.
        Assert.InRange(rows.Length, 100, 102);
    }

    private static Task<LedgerException> StartErrorAsync(string directory) =>
        Assert.ThrowsAsync<LedgerException>(() => EmbeddedEngine.StartAsync(new EmbeddedEngineOptions { Directory = directory }));

    private static async Task PassesAsync(string method, string argument, params (string Name, string Value)[] environment)
    {
        EngineFixture.SkipWithoutLibrary();
        var (exit, output) = await ChildProcess.RunAsync(typeof(EngineProcessTests), method, argument, environment);
        Assert.True(exit == 0 && output.Contains("Total: 1", StringComparison.Ordinal), $"exit {exit}: {output}");
    }
}
