using System.Globalization;
using Metering.Integration.Running;

namespace Metering.Benchmarks.Loop;

/// <summary>Memory of an <c>up</c> that has everything in it, a broker too, and nothing to do.</summary>
internal static class IdleRun
{
    private const double GoalMb = 600;
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(20);

    public static async Task MeasureAsync(LoopFindings findings)
    {
        await using var stand = Stand.OnLocalBroker();
        var (up, _) = await stand.ReadyUpAsync();
        await Task.Delay(Settles);
        findings.Add(Figure.AtMost(LoopBench.Bench, "memory of an idle up, resident", MemoryMb(up.Id, "VmRSS:"), "MB", GoalMb));
        findings.Add(Figure.Told(LoopBench.Bench, "memory of an idle up, at most since its start", MemoryMb(up.Id, "VmHWM:"), "MB"));
    }

    private static double MemoryMb(int process, string what)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status")).First(line => line.StartsWith(what, StringComparison.Ordinal));
        return double.Parse(line.AsSpan(what.Length).Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture) / 1024;
    }
}
