using System.Diagnostics;
using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

/// <summary>Another program with a Kafka client in it.</summary>
internal static class Tool
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly string Archive = Path.Combine(Path.GetTempPath(), $"metering-kafka-classes-{Environment.ProcessId}.jsa");

    private static volatile string? _classes;
    private static int _started;

    static Tool() => AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(Archive);

    /// <summary>One of Kafka's own command-line classes; skips the test when there is no Java or no Kafka.</summary>
    /// <param name="input">What it reads from its standard input.</param>
    public static async Task<string> JavaAsync(string type, string input, params string[] arguments)
    {
        if (SharedFolder.TryPath("kafka/libs") is not { } libs || OnPath("java") is not { } java)
        {
            Assert.Skip("skipped: Java, or the Kafka of the shared folder, is not here (METERING_SHARED names it)");
            return "";
        }
        // Small and quick to start: a test runs many of them. The first leaves its loaded classes for the others, which then
        // start in half the time.
        var isFirst = Interlocked.Exchange(ref _started, 1) == 0;
        string[] classes = _classes is { } left ? ["-XX:SharedArchiveFile=" + left] : isFirst ? ["-XX:ArchiveClassesAtExit=" + Archive] : [];
        var said = await RunAsync(java, input,
            ["-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xlog:disable", .. classes, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", $"{libs}/*", type, .. arguments]);
        if (isFirst && File.Exists(Archive))
            _classes = Archive;
        return said;
    }

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
