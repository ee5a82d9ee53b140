using System.Diagnostics;

namespace Metering.Cli.Tests.Tidy;

/// <summary>The program itself, run as the launcher runs it.</summary>
internal static class BuiltProgram
{
    public static async Task<string> HelpAsync(CancellationToken cancellation)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "metering.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, "--help"])
        { RedirectStandardOutput = true, UseShellExecute = false })!;
        var help = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        Assert.Equal(0, process.ExitCode);
        return help;
    }
}
