using System.Diagnostics;
using System.Text;
using Metering.Testing;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>A process that the benchmark starts, speaks to by lines, and ends. Ours end by themselves when their standard input does.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan StopsWithin = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly bool _takesTerm;
    private Task _draining = Task.CompletedTask;

    private Child(ProcessStartInfo start, bool takesTerm)
    {
        (start.UseShellExecute, _takesTerm) = (false, takesTerm);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <summary>This program again, in another role.</summary>
    public static Child StartSelf(params IEnumerable<string> arguments) => new(SelfProcess.Start(arguments), takesTerm: false);

    /// <summary>A program that ends when its standard input does.</summary>
    public static Child StartTool(string program, params IEnumerable<string> arguments) => new(new ProcessStartInfo(program, arguments), takesTerm: false);

    /// <summary>The program <c>metering</c> that lies beside this one. It ends by SIGTERM.</summary>
    public static Child StartMetering(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "metering.dll"), .. arguments]);
        // What whoever measures has set for a metering of their own is not meant for this one.
        foreach (var name in start.Environment.Keys.Where(static name => name.StartsWith("METERING__", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        return new Child(start, takesTerm: true);
    }

    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    /// <summary>The next line of its output.</summary>
    /// <exception cref="InvalidOperationException">It ended, or says nothing.</exception>
    public Task<string> ReadLineAsync() => ReadLineAsync(static _ => true);

    /// <summary>The next line of its output that is wanted.</summary>
    public async Task<string> ReadLineAsync(Func<string, bool> isWanted)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            string? line;
            try
            {
                line = await _process.StandardOutput.ReadLineAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                throw new InvalidOperationException($"{Name} said nothing for {Patience}:\n{Errors}");
            }
            if (line is null)
                throw new InvalidOperationException($"{Name} ended:\n{Errors}");
            if (isWanted(line))
                return line;
        }
    }

    /// <summary>Reads on and forgets, so that a process that reports every second is never held up.</summary>
    public void Drain() => _draining = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        if (_takesTerm && !_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        }
        using var limit = new CancellationTokenSource(StopsWithin);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }
        await _draining;
        _process.Dispose();
    }

    private string Name => string.Join(' ', _process.StartInfo.ArgumentList.Prepend(_process.StartInfo.FileName).Take(4));

    private string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }
}
