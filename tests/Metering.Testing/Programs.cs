using System.Diagnostics;
using Xunit;

namespace Metering.Testing;

/// <summary>Other programs of this machine.</summary>
public static class Programs
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    /// <summary>Where a program is; null when it is not here.</summary>
    public static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end and returns what it wrote.</summary>
    public static async Task<string> RunAsync(string program, string input, IEnumerable<string> arguments, string? folder = null, bool mustSucceed = true)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
            var said = await output;
            Assert.True(!mustSucceed || process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {said} {await errors}");
            return said;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within {Limit.TotalSeconds} s");
        }
    }
}
