using Metering.Core.Policies;

namespace Metering.Gateway.Governed;

/// <summary>The requests of one scope that are under way at this gateway, and how many may be. Any thread.</summary>
internal sealed class ScopeGauge
{
    private const long ReportEveryMicros = 500_000, UrgentEveryMicros = 20_000;

    /// <summary>Those that were refused would come again: they count as asked for, for one to two of these.</summary>
    private const long RefusedCountMicros = 1_000_000;

    /// <summary>Who has used a scope goes on to report it for so long, lest its next request find no slot.</summary>
    private const long UsedCountMicros = 60_000_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SlotLimit> _limits = new(StringComparer.Ordinal);
    private long _underWay, _reported, _refused, _refusedBefore, _refusedAt, _knows;
    private long _reportedAt = long.MinValue / 2, _usedAt = long.MinValue / 2;
    private bool _isUrgent, _isRetired;

    /// <summary>Whether decisions are to be looked at again: they divide slots, or there is something to be said.</summary>
    public bool IsToRefresh(long nowMicros)
    {
        lock (_lock)
            return _knows > 0 || IsDue(nowMicros);
    }

    /// <summary>True once, when nobody has used it for long: it takes no more requests.</summary>
    public bool TryRetire(long nowMicros)
    {
        lock (_lock)
            return _isRetired = _underWay == 0 && _reported == 0 && !_isUrgent && nowMicros - _usedAt > 2 * UsedCountMicros;
    }

    /// <summary>The limits that it was asked by.</summary>
    public SlotLimit[] Limits
    {
        get
        {
            lock (_lock)
                return [.. _limits.Values];
        }
    }

    /// <summary>Counts a request if every limit has room for it.</summary>
    /// <param name="full">The policy whose limit has none.</param>
    /// <param name="isUrgent">The governor is to be told at once.</param>
    /// <returns>False: it has been retired, and another takes its place.</returns>
    public bool TryEnter(ReadOnlySpan<SlotLimit> limits, out Policy? full, out bool isUrgent)
    {
        full = null;
        lock (_lock)
        {
            isUrgent = false;
            if (_isRetired)
                return false;
            foreach (var limit in limits)
            {
                if (_underWay < Newest(limit).Slots)
                    continue;
                full = limit.Policy;
                _refused++;
                isUrgent = _isUrgent = true;
                return true;
            }
            _underWay++;
            foreach (var limit in limits)
                _isUrgent |= _underWay > _reported + (limit.Slots / 8);
            isUrgent = _isUrgent;
            return true;
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            _underWay--;
            // Others may be waiting for what is free here.
            _isUrgent |= _underWay < _reported - (_reported / 4);
        }
    }

    /// <summary>What decisions say now, read in this order: what stands when the report is made is what is acted by.</summary>
    public void Learn(ReadOnlySpan<SlotLimit> limits, long knows)
    {
        lock (_lock)
        {
            foreach (var limit in limits)
                _limits[limit.Policy.Name] = limit;
            _isUrgent |= knows > _knows;
            _knows = Math.Max(_knows, knows);
        }
    }

    /// <summary>What is to be said now; null = nothing.</summary>
    public (long Demand, long UnderWay, long Knows)? Report(long nowMicros)
    {
        lock (_lock)
        {
            if (!IsDue(nowMicros))
                return null;
            var demand = _underWay + _refused + _refusedBefore;
            if (nowMicros - _refusedAt is >= RefusedCountMicros or < 0)
                (_refusedBefore, _refused, _refusedAt) = (_refused, 0, nowMicros);
            (_isUrgent, _reported, _reportedAt) = (false, _underWay, nowMicros);
            return (demand, _underWay, _knows);
        }
    }

    private bool IsDue(long nowMicros)
    {
        if (_underWay > 0 || _refused > 0)
            _usedAt = nowMicros;
        var since = nowMicros - _reportedAt;
        var isQuiet = _reported == 0 && _underWay == 0 && nowMicros - _usedAt > UsedCountMicros;
        return !isQuiet && (since < 0 || since >= (_isUrgent ? UrgentEveryMicros : ReportEveryMicros));
    }

    // One who has read an older decision, or none, acts by the newest that was heard here.
    private SlotLimit Newest(in SlotLimit limit)
    {
        if (_limits.TryGetValue(limit.Policy.Name, out var known) && known.Version > limit.Version)
            return known;
        return _limits[limit.Policy.Name] = limit;
    }
}

/// <param name="Version">Of the decision that says so; 0 = none does.</param>
/// <param name="Slots">How many of the scope's requests may be under way here.</param>
internal readonly record struct SlotLimit(Policy Policy, long Version, long Slots);
