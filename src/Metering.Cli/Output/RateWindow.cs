namespace Metering.Cli.Output;

/// <summary>
/// The mean rate of growing counters over the last seconds, exact: integers and decimals only. A counter that went back
/// (a task was rebuilt from its changelog) is taken as one that began again: it never gives a negative rate.
/// Not thread-safe.
/// </summary>
/// <typeparam name="T">A snapshot of counters.</typeparam>
public sealed class RateWindow<T>(TimeSpan length)
    where T : class
{
    private readonly Queue<(long Ticks, T Counters)> _samples = new();

    /// <summary>Takes a snapshot; <paramref name="uptime"/> is monotonic and not before the last one's.</summary>
    /// <returns>The oldest snapshot inside the window (or the last one before it) and the ticks since, 0 on the first.</returns>
    public (T Oldest, long ElapsedTicks) Add(TimeSpan uptime, T counters)
    {
        _samples.Enqueue((uptime.Ticks, counters));
        // The window reaches back to the newest sample that is at least its length old.
        while (_samples.Count > 2 && _samples.ElementAt(1).Ticks <= uptime.Ticks - length.Ticks)
            _samples.Dequeue();
        var (ticks, oldest) = _samples.Peek();
        return (oldest, uptime.Ticks - ticks);
    }
}

/// <summary>Rates out of differences.</summary>
public static class Rate
{
    /// <summary>A second, to one decimal place; 0 when no time has passed. A counter that went back counts from 0.</summary>
    public static decimal PerSecond(long before, long now, long elapsedTicks) =>
        elapsedTicks <= 0 ? 0 : decimal.Round((decimal)Grown(before, now) * TimeSpan.TicksPerSecond / elapsedTicks, 1);

    /// <summary>USD an hour, to the cent's hundredth; 0 when no time has passed.</summary>
    public static decimal UsdPerHour(Int128 beforePicoUsd, Int128 nowPicoUsd, long elapsedTicks)
    {
        if (elapsedTicks <= 0)
            return 0;
        var grown = nowPicoUsd >= beforePicoUsd ? nowPicoUsd - beforePicoUsd : nowPicoUsd;
        // Pico-USD to USD first: the product with an hour's ticks would pass decimal's 28 digits.
        return decimal.Round((decimal)grown / 1_000_000_000_000m * TimeSpan.TicksPerHour / elapsedTicks, 4);
    }

    private static long Grown(long before, long now) => now >= before ? now - before : now;
}
