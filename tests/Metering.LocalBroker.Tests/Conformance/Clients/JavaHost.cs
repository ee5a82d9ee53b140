using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

/// <summary>A Java that runs Kafka's command-line classes one after the other (ToolHost.java): one that has warmed up needs a tenth
/// of the time that a new one does. It ends with this process.</summary>
internal sealed class JavaHost : IDisposable
{
    private readonly Process _process;

    private JavaHost(Process process) => _process = process;

    /// <summary>Small and quick to start.</summary>
    /// <param name="libraries">The folder of Kafka's jars.</param>
    public static string[] Flags(string libraries) =>
        ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", $"{libraries}/*"];

    public static JavaHost Start(string java, string libraries)
    {
        var start = new ProcessStartInfo(java, [.. Flags(libraries), Path.Combine(AppContext.BaseDirectory, "ToolHost.java")])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return new JavaHost(Process.Start(start)!);
    }

    /// <returns>What it wrote.</returns>
    /// <exception cref="OperationCanceledException">It did not end in time: this host is of no use any more.</exception>
    public async Task<string> RunAsync(string type, string input, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var line = string.Join(' ', arguments.Prepend(input).Prepend(type).Select(static word => Convert.ToBase64String(Encoding.UTF8.GetBytes(word))));
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        var answer = await _process.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new InvalidOperationException($"Java ended under {type}");
        string[] words = [.. answer.Split(' ').Select(static word => Encoding.UTF8.GetString(Convert.FromBase64String(word)))];
        Assert.True(int.Parse(words[0], CultureInfo.InvariantCulture) == 0, $"{type} ended with {words[0]}: {words[1]} {words[2]}");
        return words[1];
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
