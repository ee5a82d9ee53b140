namespace Metering.Core.Windows;

/// <summary>One fixed window of a limit: [begin, end), Unix µs. Its begin is its id.</summary>
public readonly record struct LimitWindow(long BeginMicros, long EndMicros)
{
    private const long SecondMicros = 1_000_000;

    public long Id => BeginMicros;

    public bool Contains(long micros) => micros >= BeginMicros && micros < EndMicros;

    /// <summary>The window that a moment lies in. Seconds, minutes and hours begin at full ones of UTC; days, weeks (from Monday)
    /// and months at midnight of the zone, so that a day with a change of clocks has 23 or 25 hours.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="LimitPeriod.None"/> has no windows.</exception>
    public static LimitWindow At(long micros, LimitPeriod period, TimeZoneInfo zone) => period switch
    {
        LimitPeriod.Second => Fixed(micros, SecondMicros),
        LimitPeriod.Minute => Fixed(micros, 60 * SecondMicros),
        LimitPeriod.Hour => Fixed(micros, 3_600 * SecondMicros),
        LimitPeriod.Day => Dated(micros, zone, static date => date, static date => date.AddDays(1)),
        LimitPeriod.Week => Dated(micros, zone, static date => date.AddDays(-(((int)date.DayOfWeek + 6) % 7)), static date => date.AddDays(7)),
        LimitPeriod.Month => Dated(micros, zone, static date => new DateOnly(date.Year, date.Month, 1), static date => date.AddMonths(1)),
        _ => throw new ArgumentOutOfRangeException(nameof(period), period, "It has no windows."),
    };

    private static LimitWindow Fixed(long micros, long length)
    {
        var begin = micros - (((micros % length) + length) % length);
        return new(begin, begin + length);
    }

    private static LimitWindow Dated(long micros, TimeZoneInfo zone, Func<DateOnly, DateOnly> first, Func<DateOnly, DateOnly> next)
    {
        var local = TimeZoneInfo.ConvertTime(DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond), zone);
        var begin = first(DateOnly.FromDateTime(local.DateTime));
        return new(MidnightOf(begin, zone), MidnightOf(next(begin), zone));
    }

    // Where the clocks skip midnight, the day begins at the first moment that there is.
    private static long MidnightOf(DateOnly date, TimeZoneInfo zone)
    {
        var midnight = date.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
            midnight = midnight.AddMinutes(15);
        // A midnight that comes twice is the earlier one: that of the greater offset.
        var offset = zone.IsAmbiguousTime(midnight) ? zone.GetAmbiguousTimeOffsets(midnight).Max() : zone.GetUtcOffset(midnight);
        return (new DateTimeOffset(midnight, offset) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
    }
}
