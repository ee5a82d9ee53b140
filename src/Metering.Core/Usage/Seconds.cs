namespace Metering.Core.Usage;

/// <summary>The full seconds that an event's usage counts in.</summary>
public static class Seconds
{
    /// <summary>How far behind its arrival an event's own time moves rates (R31).</summary>
    public const long RateLatenessMicros = 10_000_000;

    private const long PerSecond = 1_000_000;

    /// <summary>Of the event's own time (Unix µs, not before 1970), in Unix seconds.</summary>
    public static uint Of(long eventTimeMicros) => (uint)(eventTimeMicros / PerSecond);

    /// <summary>R31: rates move by arrival. The event's time, moved into [arrival − lateness, arrival], in Unix seconds: one
    /// source whose clock is ahead, or a spool of yesterday, cannot blind them.</summary>
    public static uint OfRate(long eventTimeMicros, long arrivedAtMs)
    {
        var arrivedMicros = arrivedAtMs * 1000;
        return (uint)(Math.Clamp(eventTimeMicros, arrivedMicros - RateLatenessMicros, arrivedMicros) / PerSecond);
    }
}
