using System.Diagnostics;

namespace Metering.Cli.Tests.Commands;

/// <summary>The built program as a script starts it.</summary>
internal sealed class MeteringProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;

    private MeteringProcess(Process process) => _process = process;

    public StreamReader Out => _process.StandardOutput;

    public StreamReader Error => _process.StandardError;

    public int Id => _process.Id;

    /// <param name="inBackground">As a script's <c>&amp;</c> does it: with SIGINT ignored.</param>
    public static MeteringProcess Start(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool inBackground = false)
    {
        var start = new ProcessStartInfo(inBackground ? "sh" : "dotnet", inBackground ? ["-c", "trap '' INT; exec \"$@\"", "sh", "dotnet"] : [])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "metering.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("METERING__", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal))
            start.Environment[name] = value;
        return new MeteringProcess(Process.Start(start)!);
    }

    public static async Task<(int ExitCode, string Out, string Error)> RunAsync(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string input = "")
    {
        await using var process = Start(arguments, environment);
        await process._process.StandardInput.WriteAsync(input);
        process._process.StandardInput.Close();
        var output = process.Out.ReadToEndAsync();
        var error = process.Error.ReadToEndAsync();
        return (await process.ExitCodeAsync(), await output, await error);
    }

    public async Task<int> ExitCodeAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        return ValueTask.CompletedTask;
    }
}
