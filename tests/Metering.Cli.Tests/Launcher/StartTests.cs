using System.Diagnostics;

namespace Metering.Cli.Tests.Launcher;

/// <summary>A command starts without building when nothing changed, and becomes the program.</summary>
[Collection("launcher")]
public sealed class StartTests
{
    [Fact]
    public async Task Start_builds_only_when_sources_changed()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        await sandbox.RunAsync("query a");
        await sandbox.RunAsync("query b");
        Assert.Equal(1, sandbox.Builds);

        await File.WriteAllTextAsync(sandbox.Source, "other", TestContext.Current.CancellationToken);
        await sandbox.RunAsync("query c");
        Assert.Equal(2, sandbox.Builds);

        var added = Path.Combine(sandbox.Root, "src/Metering.Cli/Added.cs");
        await File.WriteAllTextAsync(added, "", TestContext.Current.CancellationToken);
        await sandbox.RunAsync("query d");
        File.Delete(added);
        await sandbox.RunAsync("query e");
        Assert.Equal(4, sandbox.Builds);

        // What a build itself writes is no source.
        Directory.CreateDirectory(Path.Combine(sandbox.Root, "src/Metering.Cli/obj"));
        await File.WriteAllTextAsync(Path.Combine(sandbox.Root, "src/Metering.Cli/obj/x.cs"), "", TestContext.Current.CancellationToken);
        await sandbox.RunAsync("query f");
        Assert.Equal(4, sandbox.Builds);
    }

    [Fact]
    public async Task Start_after_a_build_that_failed_builds_again_and_runs_nothing_old()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var failed = await sandbox.RunAsync("query a", ("BUILD_EXIT", "1"));
        Assert.Equal(1, failed.ExitCode);
        Assert.Empty(failed.Output);
        Assert.Contains("The build failed", failed.Said, StringComparison.Ordinal);
        Assert.Equal(0, (await sandbox.RunAsync("query a")).ExitCode);
        Assert.Equal(2, sandbox.Builds);
    }

    [Fact]
    public async Task Start_after_a_build_that_was_killed_builds_from_nothing()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        await sandbox.RunAsync("query a", ("BUILD_EXIT", "137"));
        var torn = Path.Combine(sandbox.Root, "src/Metering.Cli/obj/torn.dll");
        Directory.CreateDirectory(Path.GetDirectoryName(torn)!);
        await File.WriteAllTextAsync(torn, "half", TestContext.Current.CancellationToken);
        var run = await sandbox.RunAsync("query a");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("building anew", run.Said, StringComparison.Ordinal);
        Assert.False(File.Exists(torn));
    }

    [Fact]
    public async Task Start_through_a_symbolic_link_from_another_folder_keeps_arguments_and_exit_code()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        var folder = Directory.CreateDirectory(Path.Combine(sandbox.Root, "else where")).FullName;
        var link = Path.Combine(folder, "m");
        File.CreateSymbolicLink(link, "../metering");
        using var process = sandbox.Start(link, folder, ["fail", "two words", "", "$x"]);
        var run = await LauncherSandbox.EndAsync(process);
        Assert.Equal("ran<fail>ran<two words>ran<>ran<$x> engine=none\n", run.Output);
        Assert.Equal(7, run.ExitCode);
    }

    [Fact]
    public async Task Signal_reaches_the_program_because_the_launcher_has_become_it()
    {
        await using var sandbox = await LauncherSandbox.CreateAsync();
        using var process = sandbox.Start(Path.Combine(sandbox.Root, "metering"), "/", ["wait"]);
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(143, process.ExitCode);
    }
}
