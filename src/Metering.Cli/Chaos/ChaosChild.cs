using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Metering.Cli.Commands;
using Metering.Cli.Settings;

namespace Metering.Cli.Chaos;

/// <summary>An <c>up</c> or a <c>pipeline</c> of our own as a process that may be killed or put to sleep. Its settings travel in the
/// environment, where other users of the machine cannot read the passwords; its log goes to a file.</summary>
internal sealed partial class ChaosChild : IAsyncDisposable
{
    private const int LastLines = 12;
    private const int SigTerm = 15, SigCont = 18, SigStop = 19;

    /// <summary>A killed process holds its partitions for a session timeout; a loaded machine takes its time besides.</summary>
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StopsWithin = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly string _role;
    private readonly string _logFile;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(5) };

    private ChaosChild(Process process, string role, string logFile)
    {
        (_process, _role, _logFile) = (process, role, logFile);
        _reading = Task.WhenAll(ReadOutAsync(), KeepLogAsync());
    }

    /// <param name="command">Of this program: up or pipeline.</param>
    /// <param name="role">What people call it; its log's name.</param>
    /// <param name="settings">By variable, as <see cref="SettingDefinition.EnvironmentName"/>.</param>
    public static ChaosChild Start(string command, string role, IReadOnlyDictionary<string, string> settings, string folder) =>
        new(Program(settings, command, "--json"), role, Path.Combine(folder, role + ".log"));

    /// <summary>Runs another command of this program with the same settings.</summary>
    /// <returns>Its exit code, and what it printed.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken, params string[] arguments)
    {
        using var process = Program(settings, arguments);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output + await error);
    }

    /// <exception cref="CommandFailedException">It has ended, or takes too long.</exception>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            _ = await _ready.Task.WaitAsync(ReadyWithin, cancellationToken);
        }
        catch (TimeoutException error)
        {
            throw new CommandFailedException($"metering {_role} is not ready after {ReadyWithin.TotalSeconds:N0} s; its log is {_logFile}", error);
        }
    }

    /// <summary>A figure of its <c>/metrics</c>, all labels together; null when it does not answer, or has none of that name.</summary>
    public async Task<double?> MetricAsync(string name, CancellationToken cancellationToken)
    {
        var server = await _ready.Task.WaitAsync(cancellationToken);
        try
        {
            var samples = (await Client.GetStringAsync(server + "/metrics", cancellationToken)).Split('\n')
                .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is ' ' or '{')
                .Select(static line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture)).ToArray();
            return samples.Length == 0 ? null : samples.Sum();
        }
        catch (Exception error) when (error is HttpRequestException || (error is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null; // busy, or just killed
        }
    }

    /// <summary>To be asked while it is waited for.</summary>
    /// <exception cref="CommandFailedException">It has ended by itself; the message holds the end of its log.</exception>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
            throw new CommandFailedException(string.Create(CultureInfo.InvariantCulture, $"metering {_role} ended by itself with exit code {_process.ExitCode}; its log ({_logFile}) ends with:{Tail()}"));
    }

    /// <summary>kill -9.</summary>
    /// <exception cref="CommandFailedException">It had ended by itself.</exception>
    public async Task KillAsync()
    {
        ThrowIfEnded();
        _process.Kill();
        await _process.WaitForExitAsync();
        await _reading;
    }

    /// <summary>SIGTERM, as a supervisor stops it.</summary>
    /// <returns>Its exit code, also when it had ended before; null when it does not end.</returns>
    public async Task<int?> StopAsync(CancellationToken cancellationToken)
    {
        if (!_process.HasExited)
            Send(SigTerm);
        try
        {
            await _process.WaitForExitAsync(cancellationToken).WaitAsync(StopsWithin, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
        await _reading;
        return _process.ExitCode;
    }

    /// <summary>It sleeps, and does not know: as a machine that swaps, or a container that is frozen.</summary>
    public void Pause() => Send(SigStop);

    public void Resume() => Send(SigCont);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _reading;
        _process.Dispose();
    }

    private string Tail()
    {
        lock (_lastLines)
            return string.Concat(_lastLines.Select(static line => "\n    " + line));
    }

    private void Send(int signal)
    {
        if (Signal(_process.Id, signal) != 0)
            throw new CommandFailedException($"metering {_role} cannot be sent signal {signal}: error {Marshal.GetLastPInvokeError()}; its log is {_logFile}");
    }

    private async Task ReadOutAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (!_ready.Task.IsCompleted && JsonDocument.Parse(line).RootElement.TryGetProperty("ready", out var addresses))
                _ready.TrySetResult(addresses.GetProperty("server").GetString()!);
        }
        if (_ready.TrySetException(new CommandFailedException($"metering {_role} ended before it was ready; its log ({_logFile}) ends with:{Tail()}")))
            _ = _ready.Task.Exception; // nobody need wait for it: it may have been killed on purpose
    }

    private async Task KeepLogAsync()
    {
        await using var log = new StreamWriter(_logFile, append: true) { AutoFlush = true };
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            await log.WriteLineAsync(line);
            lock (_lastLines)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > LastLines)
                    _lastLines.Dequeue();
            }
        }
    }

    private static Process Program(IReadOnlyDictionary<string, string> settings, params string[] arguments)
    {
        // Run as `dotnet metering.dll`, or as the program itself.
        var host = Environment.ProcessPath ?? "dotnet";
        var isDotnet = Path.GetFileNameWithoutExtension(host) == "dotnet";
        string[] all = isDotnet ? [Path.Combine(AppContext.BaseDirectory, "metering.dll"), .. arguments] : arguments;
        var start = new ProcessStartInfo(host, all) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith(KnownSettings.EnvironmentPrefix, StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int processId, int signal);
}
