using Metering.Core.Windows;

namespace Metering.Core.Leases.Governor;

/// <summary>One hard account: its limit, its windows (at most the current and the next, and old ones that are not settled), the safe
/// shares set aside in each, and what the gateways want.</summary>
internal sealed class GovernedAccount(AccountKey key)
{
    private HardLimit? _limit;

    public AccountKey Key { get; } = key;

    public TimeZoneInfo Zone { get; } = key.Zone;

    public SortedList<long, AccountWindow> Windows { get; } = [];

    public Dictionary<string, GatewayAsk> Asks { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, SafeShareSeat> Seats { get; } = new(StringComparer.Ordinal);

    /// <summary>The smallest; null = no policy limits it now.</summary>
    public HardLimit? Limit => _limit;

    /// <summary>By its gateways' instances come and go, what is never looked at must not stay.</summary>
    public bool IsEmpty => _limit is null && Windows.Count == 0 && Asks.Count == 0 && Seats.Count == 0;

    /// <summary>When something is to be decided though nothing comes. The governor's time, Unix µs.</summary>
    public long DueMicros { get; set; } = long.MaxValue;

    public void SetLimits(IReadOnlyList<HardLimit> limits)
    {
        _limit = null;
        foreach (var limit in limits)
        {
            if (_limit is not { } smallest || (limit.Amount, limit.Policy).CompareTo((smallest.Amount, smallest.Policy)) < 0)
                _limit = limit;
        }
        // The widest share of any of them: a gateway that is cut off obeys all policies, so each must have set it aside.
        if (_limit is { } counts)
            _limit = counts with { SafeSharePpm = limits.Max(static limit => limit.SafeSharePpm) };
    }

    public LimitWindow WindowAt(long micros) => LimitWindow.At(micros, Key.Per, Zone);

    public AccountWindow? Find(long windowId) => Windows.GetValueOrDefault(windowId);

    public AccountWindow Open(in LimitWindow window)
    {
        if (!Windows.TryGetValue(window.Id, out var known))
            Windows.Add(window.Id, known = new AccountWindow(Key, window));
        return known;
    }

    public long SetAside(long windowId)
    {
        var sum = 0L;
        foreach (var seat in Seats.Values)
        {
            if (seat.IsSetAsideIn(windowId))
                sum = Saturating.Add(sum, seat.Amount);
        }
        return sum;
    }

    /// <summary>What can still be granted in a window.</summary>
    public long Left(long windowId)
    {
        if (_limit is not { } limit)
            return 0;
        var charged = Saturating.Add(SetAside(windowId), Find(windowId)?.Charged ?? 0);
        return Math.Max(0, limit.Amount - charged);
    }

    public AccountFigures Figures(in LimitWindow window, long nowMicros)
    {
        var known = Find(window.Id);
        var setAside = SetAside(window.Id);
        return new AccountFigures(
            _limit?.Policy ?? "", _limit?.Amount ?? 0, Saturating.Add(setAside, known?.Charged ?? 0), known?.OnLoan ?? 0, known?.Unleased ?? 0, setAside,
            known?.WrittenOff ?? 0, Left(window.Id), window.EndMicros, Math.Max(0, (window.EndMicros - nowMicros + 999) / 1000));
    }
}
