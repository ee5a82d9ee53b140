using Metering.Core.Usage;

namespace Metering.Core.Rates;

/// <summary>
/// One scope's rolling rates: over 10 s and 60 s by seconds, over an hour by minutes. Usage counts by its rate time, which R31
/// holds within 10 s of its arrival; a window ends at the moment that it is asked for, so that a rate decays to 0 by itself.
/// The window's oldest cell counts by the part of it that still lies inside.
/// </summary>
public sealed class ScopeRates
{
    /// <summary>A minute's seconds, the one that has begun, and the lateness.</summary>
    public const int Seconds = 60 + 1 + 10;

    /// <summary>An hour's minutes, the one that has begun, and the lateness.</summary>
    public const int Minutes = 60 + 1 + 1;

    private const long SecondMicros = 1_000_000;
    private const long MinuteMicros = 60 * SecondMicros;

    public RateCells BySecond { get; } = new(Seconds);

    public RateCells ByMinute { get; } = new(Minutes);

    /// <summary>Nothing is left that a window could hold.</summary>
    public bool IsEmpty => BySecond.Count == 0 && ByMinute.Count == 0;

    /// <summary>Adds usage at its rate time, Unix seconds.</summary>
    public void Add(uint rateSecond, in UsageSums sums)
    {
        BySecond.Add(rateSecond, sums);
        ByMinute.Add(rateSecond / 60, sums);
    }

    /// <summary>What was used in the last 10 s, 60 s, or hour before <paramref name="nowMicros"/> (Unix µs).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another window.</exception>
    public RateSums Over(TimeSpan window, long nowMicros) => window.TotalSeconds switch
    {
        10 or 60 => Over(BySecond, SecondMicros, window, nowMicros),
        3_600 => Over(ByMinute, MinuteMicros, window, nowMicros),
        _ => throw new ArgumentOutOfRangeException(nameof(window), window, "Rates are kept over 10 s, 60 s and 1 h."),
    };

    private static RateSums Over(RateCells cells, long unitMicros, TimeSpan window, long nowMicros)
    {
        var from = nowMicros - (window.Ticks / TimeSpan.TicksPerMicrosecond);
        var sums = new RateSums { WindowMs = (long)window.TotalMilliseconds };
        for (var i = cells.Count - 1; i >= 0; i--)
        {
            ref readonly var cell = ref cells[i];
            var begin = cell.Time * unitMicros;
            // What the broker has stamped ahead of this clock counts when its time has come.
            if (begin > nowMicros)
                continue;
            if (begin + unitMicros <= from)
                break;
            sums = sums.With(cell.Sums, Math.Min(unitMicros, begin + unitMicros - from), unitMicros);
        }
        return sums;
    }
}
