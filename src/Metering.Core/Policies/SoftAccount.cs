using Metering.Core.Rates;
using Metering.Core.Usage;
using Metering.Core.Windows;

namespace Metering.Core.Policies;

/// <summary>
/// What a scope has used of a soft limit: in the fixed window that it is in, or in the last such time at each moment
/// (rolling, by sixtieths of the period). Usage counts by its rate time (R31); what belongs to a window that is over is not
/// brought back. It belongs to scope and window, not to a policy: renaming or editing one does not reset it (R30).
/// </summary>
public sealed class SoftAccount
{
    private const int Parts = 60;
    private const long SecondMicros = 1_000_000;

    private readonly LimitPeriod _per;
    private readonly TimeZoneInfo _zone;
    private readonly RateCells? _rolling;
    private readonly long _partMicros;
    private LimitWindow _window;
    private UsageSums _used;

    /// <exception cref="ArgumentOutOfRangeException">A period without windows.</exception>
    public SoftAccount(LimitPeriod per, bool rolling, TimeZoneInfo zone)
    {
        if (per == LimitPeriod.None)
            throw new ArgumentOutOfRangeException(nameof(per), per, "Usage has windows.");
        (_per, _zone) = (per, zone);
        // A second's fixed window would switch a step on and off within it: the mean of ten is meant.
        IsRolling = rolling || per == LimitPeriod.Second;
        if (!IsRolling)
            return;
        _partMicros = per == LimitPeriod.Second ? SecondMicros : Math.Max(SecondMicros, PeriodMicros(per) / Parts);
        _rolling = new RateCells((per == LimitPeriod.Second ? RateSeconds : Parts) + 1);
    }

    /// <summary>A limit per second is held against the mean of this many.</summary>
    public const int RateSeconds = 10;

    /// <summary>Without windows that begin anew. So is every limit per second.</summary>
    public bool IsRolling { get; }

    /// <summary>Changed since it was last saved.</summary>
    public bool IsChanged { get; set; }

    /// <summary>For saving: the cells of a rolling account, else null.</summary>
    public RateCells? Cells => _rolling;

    /// <summary>For saving: the fixed window's begin, Unix µs, and what was used in it.</summary>
    public (long WindowId, UsageSums Used) Fixed => (_window.Id, _used);

    /// <summary>Adds usage at its rate time, Unix seconds.</summary>
    public void Add(uint rateSecond, in UsageSums sums)
    {
        var micros = rateSecond * SecondMicros;
        IsChanged = true;
        if (_rolling is not null)
        {
            _rolling.Add((uint)(micros / _partMicros), sums);
            return;
        }
        if (micros >= _window.EndMicros)
            (_window, _used) = (LimitWindow.At(micros, _per, _zone), default);
        if (!_window.Contains(micros))
            return;
        if (!_used.TryAdd(sums))
            _used.CostPicoUsd = long.MaxValue;
    }

    /// <summary>What is used at a moment, in a unit. A limit per second: of the last ten, their mean.</summary>
    public Int128 UsedAt(long nowMicros, LimitUnit unit)
    {
        if (_rolling is null)
            return _window.Contains(nowMicros) ? AmountOf(unit, _used) : 0;
        Int128 sum = 0;
        var now = nowMicros / _partMicros;
        var parts = _per == LimitPeriod.Second ? RateSeconds : Parts;
        for (var i = _rolling.Count - 1; i >= 0 && _rolling[i].Time > now - parts; i--)
        {
            if (_rolling[i].Time <= now)
                sum += AmountOf(unit, _rolling[i].Sums);
        }
        return _per == LimitPeriod.Second ? sum / RateSeconds : sum;
    }

    /// <summary>When the window that a moment lies in ends, Unix µs; of a rolling account, a period on.</summary>
    public long ResetsAt(long nowMicros) => IsRolling ? nowMicros + PeriodMicros(_per) : LimitWindow.At(nowMicros, _per, _zone).EndMicros;

    /// <summary>Puts back a fixed window that was saved.</summary>
    public void Restore(long windowId, in UsageSums used) => (_window, _used) = (LimitWindow.At(windowId, _per, _zone), used);

    /// <summary>What sums come to in a limit's unit. Requests under way are no usage.</summary>
    public static Int128 AmountOf(LimitUnit unit, in UsageSums sums) => unit switch
    {
        LimitUnit.Tokens => (Int128)sums.InputTokens + sums.OutputTokens,
        LimitUnit.InputTokens => sums.InputTokens,
        LimitUnit.OutputTokens => sums.OutputTokens,
        LimitUnit.Usd => sums.CostPicoUsd,
        LimitUnit.Requests => sums.Requests,
        _ => 0,
    };

    private static long PeriodMicros(LimitPeriod per) => SecondMicros * per switch
    {
        LimitPeriod.Second => 1,
        LimitPeriod.Minute => 60,
        LimitPeriod.Hour => 3_600,
        LimitPeriod.Day => 86_400,
        LimitPeriod.Week => 7 * 86_400,
        _ => 30 * 86_400,
    };
}
