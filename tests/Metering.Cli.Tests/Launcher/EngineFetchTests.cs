using System.Diagnostics;

namespace Metering.Cli.Tests.Launcher;

/// <summary>A download that is half done, cut or altered never becomes the engine.</summary>
[Collection("launcher")]
public sealed class EngineFetchTests
{
    [Fact]
    public async Task Fetch_into_an_empty_cache_gives_the_whole_library_once()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var first = await sandbox.RunAsync("up a");
        var second = await sandbox.RunAsync("up b");
        Assert.Equal($"ran<up>ran<a> engine={sandbox.EngineFile}\n", first.Output);
        Assert.Equal($"ran<up>ran<b> engine={sandbox.EngineFile}\n", second.Output);
        Assert.Equal(sandbox.Library, await File.ReadAllBytesAsync(sandbox.EngineFile, TestContext.Current.CancellationToken));
        Assert.Equal([0], sandbox.Server.Starts);
        Assert.False(File.Exists(sandbox.PartFile));
    }

    [Fact]
    public async Task Fetch_whose_connection_breaks_goes_on_where_it_was()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        sandbox.Server.BreaksLeft = 1;
        var run = await sandbox.RunAsync("up");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(2, sandbox.Server.Starts.Count);
        Assert.True(sandbox.Server.Starts[1] > 0, "the second request began at the beginning");
        Assert.Equal(sandbox.Library, await File.ReadAllBytesAsync(sandbox.EngineFile, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(100_000, true)]
    [InlineData(100_000, false)]
    [InlineData(9_000_000, false)]
    public async Task Fetch_after_a_start_that_was_killed_keeps_what_is_good_and_drops_what_is_not(int bytes, bool good)
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var tarball = await File.ReadAllBytesAsync(Path.Combine(sandbox.Root, "lib.tgz"), TestContext.Current.CancellationToken);
        Directory.CreateDirectory(Path.GetDirectoryName(sandbox.PartFile)!);
        await File.WriteAllBytesAsync(sandbox.PartFile, good ? tarball[..bytes] : new byte[bytes], TestContext.Current.CancellationToken);
        var run = await sandbox.RunAsync("up");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(good ? [bytes] : [bytes, 0], sandbox.Server.Starts);
        Assert.Equal(sandbox.Library, await File.ReadAllBytesAsync(sandbox.EngineFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Fetch_of_another_package_than_the_pinned_one_is_refused_and_leaves_nothing()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync(rightHash: false);
        var run = await sandbox.RunAsync("up");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("does not match its integrity hash", run.Said, StringComparison.Ordinal);
        Assert.False(File.Exists(sandbox.EngineFile));
        Assert.False(File.Exists(sandbox.PartFile));
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Cached_library_that_was_cut_or_written_to_is_fetched_again()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        await sandbox.RunAsync("up");
        foreach (var damage in new Action<FileStream>[] { f => f.SetLength(1000), f => f.WriteByte((byte)~sandbox.Library[0]) })
        {
            await using (var file = new FileStream(sandbox.EngineFile, FileMode.Open))
                damage(file);
            File.SetLastWriteTimeUtc(sandbox.EngineFile, DateTime.UnixEpoch.AddDays(1));
            Assert.Equal(0, (await sandbox.RunAsync("up")).ExitCode);
            Assert.Equal(sandbox.Library, await File.ReadAllBytesAsync(sandbox.EngineFile, TestContext.Current.CancellationToken));
        }
        Assert.Equal(3, sandbox.Server.Starts.Count);
    }

    [Fact]
    public async Task Cached_library_that_was_only_copied_is_kept()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        await sandbox.RunAsync("up");
        File.SetLastWriteTimeUtc(sandbox.EngineFile, DateTime.UnixEpoch.AddDays(1));
        Assert.Equal(0, (await sandbox.RunAsync("up")).ExitCode);
        Assert.Single(sandbox.Server.Starts);
    }

    [Fact]
    public async Task Commands_that_start_at_once_fetch_and_build_once()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var launcher = Path.Combine(sandbox.Root, "metering");
        Process[] all = [.. Enumerable.Range(0, 4).Select(_ => sandbox.Start(launcher, "/", ["up"]))];
        foreach (var process in all)
        {
            Assert.Equal(0, (await LauncherSandbox.EndAsync(process)).ExitCode);
            process.Dispose();
        }
        Assert.Single(sandbox.Server.Starts);
        Assert.Equal(1, sandbox.Builds);
    }

    [Theory]
    [InlineData("E404", "does not have @x/lib 1.2.3")]
    [InlineData("ENOTFOUND", "cannot be reached")]
    public async Task Fetch_without_the_registry_says_why_and_what_else_would_do(string failure, string why)
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var run = await sandbox.RunAsync("up", ("NPM_FAILS", failure));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(why, run.Said, StringComparison.Ordinal);
        Assert.Contains("METERING_LIBCHDB", run.Said, StringComparison.Ordinal);
        Assert.Contains("--clickhouse", run.Said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("up --clickhouse http://h:8123")]
    [InlineData("up --help")]
    [InlineData("replay file")]
    public async Task Command_that_needs_no_engine_starts_without_one(string command)
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var run = await sandbox.RunAsync(command, ("NPM_FAILS", "ENOTFOUND"));
        Assert.Equal(0, run.ExitCode);
        Assert.EndsWith("engine=none\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Engine_named_by_the_user_is_taken_and_one_that_is_not_there_refused()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var named = await sandbox.RunAsync("up", ("METERING_LIBCHDB", sandbox.Source));
        var wrong = await sandbox.RunAsync("up", ("METERING_LIBCHDB", "/nowhere.so"));
        Assert.Equal($"ran<up> engine={sandbox.Source}\n", named.Output);
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("METERING_LIBCHDB names '/nowhere.so'", wrong.Said, StringComparison.Ordinal);
        Assert.Empty(sandbox.Server.Starts);
    }

    [Theory]
    [InlineData("dotnet", ".NET 10 SDK")]
    [InlineData("npm", "npm is needed")]
    [InlineData("node", "Node.js is needed")]
    [InlineData("curl", "curl is needed")]
    [InlineData("tar", "tar is needed")]
    [InlineData("flock", "flock is needed")]
    public async Task Missing_tool_is_named_in_one_sentence(string tool, string sentence)
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var run = await sandbox.RunAsync("up", ("PATH", sandbox.PathWithout(tool)));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(sentence, run.Said, StringComparison.Ordinal);
        Assert.Single(run.Said.Trim().Split('\n'));
    }
}
