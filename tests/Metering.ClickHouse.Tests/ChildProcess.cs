using System.Diagnostics;
using Metering.Testing;

namespace Metering.ClickHouse.Tests;

/// <summary>Runs one explicit test of this program in a process of its own: for what a process can do once only.</summary>
internal static class ChildProcess
{
    private const string Marker = "METERING_TEST_CHILD";

    /// <summary>What the parent gave the child to work on; empty in a parent.</summary>
    public static string Argument { get; } = Environment.GetEnvironmentVariable(Marker) ?? "";

    public static bool IsChild => Argument.Length > 0;

    /// <summary>The explicit test fails if somebody asks for it outside a child.</summary>
    public static void RequireChild() => Assert.True(IsChild, "This test runs as another test's child.");

    public static async Task<(int ExitCode, string Output)> RunAsync(Type type, string method, string argument, params (string Name, string Value)[] environment)
    {
        var start = SelfProcess.Start("-explicit", "only", "-method", $"{type.FullName}.{method}");
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.Environment[Marker] = argument;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }
}
