using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Metering.Integration.Running;

/// <summary>The built program as a script starts it, read line by line. Whatever is left of it at the end is killed, and
/// every start bears a time limit of its own, so that a runner that is killed leaves nothing for long.</summary>
internal sealed class MeteringProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly TaskCompletionSource<Addresses> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private MeteringProcess(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadOutAsync(), ReadErrorAsync());
    }

    public string Arguments => string.Join(' ', _process.StartInfo.ArgumentList.Skip(1));

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Standard output so far.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Standard error so far: the log.</summary>
    public string Error
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    public static MeteringProcess Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "metering.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("METERING__", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new MeteringProcess(process);
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<Ended> RunAsync(params IEnumerable<string> arguments)
    {
        await using var process = Start(arguments);
        return await process.EndAsync();
    }

    /// <summary>Waits for the first line of a role, and returns its addresses.</summary>
    public async Task<Addresses> ReadyAsync()
    {
        try
        {
            return await _ready.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"not ready after {Patience}:\n{Error}");
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <param name="within">Default 90 s.</param>
    public async Task<Ended> EndAsync(TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"has not ended after {within ?? Patience}:\n{string.Join('\n', _lines)}\n{Error}");
        }
        await _reading;
        return new Ended(_process.ExitCode, [.. _lines], Error);
    }

    /// <summary>SIGTERM, and its end.</summary>
    public async Task<Ended> StopAsync()
    {
        await SignalAsync("TERM");
        return await EndAsync();
    }

    /// <summary>kill -9, and its end.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            // What it has started itself, as chaos does, would run on, and write into folders that are being deleted.
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        await _reading;
        _process.Dispose();
    }

    private async Task ReadOutAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _lines.Enqueue(line);
            if (!_ready.Task.IsCompleted && line.StartsWith("{\"ready\":", StringComparison.Ordinal))
                _ready.TrySetResult(Addresses.Parse(line));
        }
        _ready.TrySetException(new InvalidOperationException($"ended before it was ready:\n{Error}"));
        _ = _ready.Task.Exception; // nobody need wait for it
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_error)
                _error.AppendLine(line);
        }
    }
}

/// <summary>What a command left.</summary>
internal sealed record Ended(int ExitCode, IReadOnlyList<string> Lines, string Error)
{
    /// <summary>The last line of standard output as JSON.</summary>
    public JsonElement Last => JsonDocument.Parse(Lines.Count > 0 ? Lines[^1] : throw new InvalidOperationException("no output:\n" + Error)).RootElement;

    public Ended Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit {ExitCode}\n{string.Join('\n', Lines)}\n{Error}");
        return this;
    }
}

/// <summary>The ready line.</summary>
internal sealed record Addresses(string? Kafka, string? Registry, string? ClickHouse, string? Server, string? Gateway, string? Host)
{
    public static Addresses Parse(string line)
    {
        var ready = JsonDocument.Parse(line).RootElement.GetProperty("ready");
        return new Addresses(Text("kafka"), Text("registry"), Text("clickhouse"), Text("server"), Text("gateway"), Text("host"));

        string? Text(string name) => ready.TryGetProperty(name, out var value) ? value.GetString() : null;
    }
}
