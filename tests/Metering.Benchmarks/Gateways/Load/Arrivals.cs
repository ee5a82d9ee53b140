namespace Metering.Benchmarks.Gateways.Load;

/// <summary>
/// When requests are due, made before the first is sent: none waits for an answer to another, so that a target which stands still
/// is charged with every request that came meanwhile. In ns from the beginning, ascending.
/// </summary>
internal static class Arrivals
{
    private const double NanosecondsPerSecond = 1e9;

    /// <summary>As independent clients come: gaps are exponential, their mean is the rate's. One seed is one schedule.</summary>
    public static long[] Independent(double perSecond, TimeSpan during, int seed)
    {
        var random = new Random(seed);
        var due = new List<long>((int)(perSecond * during.TotalSeconds * 1.1) + 16);
        var end = during.TotalSeconds;
        for (var at = Gap(random, perSecond); at < end; at += Gap(random, perSecond))
            due.Add((long)(at * NanosecondsPerSecond));
        return [.. due];
    }

    /// <summary>So many in equal steps; the last one is due a step before the end.</summary>
    public static long[] Even(int count, TimeSpan during)
    {
        var due = new long[count];
        for (var i = 0; i < count; i++)
            due[i] = (long)(during.TotalSeconds * NanosecondsPerSecond * i / count);
        return due;
    }

    // 1 - [0, 1) is never 0.
    private static double Gap(Random random, double perSecond) => -Math.Log(1 - random.NextDouble()) / perSecond;
}
