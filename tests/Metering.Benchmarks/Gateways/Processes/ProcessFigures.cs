using System.Diagnostics;
using System.Globalization;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>What Linux says of processes: those of one target, added up.</summary>
internal static class ProcessFigures
{
    // USER_HZ, as every Linux on x86 and ARM has it.
    private const double MillisecondsPerTick = 10;
    private const double QuietShare = 0.15;

    private static readonly TimeSpan QuietWithin = TimeSpan.FromSeconds(8), Look = TimeSpan.FromMilliseconds(200);

    /// <summary>User and system time of all threads since they started.</summary>
    public static double CpuMs(IEnumerable<int> processes) => MillisecondsPerTick * processes.Sum(static process =>
    {
        var fields = StatOf(process);
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    });

    /// <summary>Memory that is in use and in RAM.</summary>
    public static double ResidentKb(int process)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status")).First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.AsSpan()["VmRSS:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture);
    }

    /// <summary>The processes that this one has started.</summary>
    public static IReadOnlyList<int> ChildrenOf(int parent) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(static name => int.TryParse(name, CultureInfo.InvariantCulture, out _))
            .Select(static name => int.Parse(name!, CultureInfo.InvariantCulture))
            .Where(process => TryParentOf(process) == parent),
    ];

    /// <summary>Waits until what the load left behind is done: events on their way, collections of garbage.</summary>
    public static async Task UntilQuietAsync(IReadOnlyList<int> processes)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < QuietWithin;)
        {
            var (before, since) = (CpuMs(processes), Stopwatch.GetTimestamp());
            await Task.Delay(Look);
            if (CpuMs(processes) - before < QuietShare * Stopwatch.GetElapsedTime(since).TotalMilliseconds)
                return;
        }
    }

    private static int TryParentOf(int process)
    {
        try
        {
            return int.Parse(StatOf(process)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return -1; // it has just ended
        }
    }

    // From the state on: the name before it may hold anything.
    private static string[] StatOf(int process)
    {
        var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
        return text[(text.LastIndexOf(')') + 2)..].Split(' ');
    }
}
