using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Events;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Gateway.Governed;

/// <summary>
/// Keeps limits on requests under way: a gauge for each scope that such a policy names, by which this gateway lets requests go
/// and tells the governor its level, so that the slots lie where they are needed (docs/policies.md). Any thread, but for
/// <see cref="Collect"/>.
/// </summary>
/// <param name="gateway">This instance, as slots name it.</param>
/// <param name="inForce">The decision that stands for a scope and a policy.</param>
/// <param name="wake">Called when something is to be reported at once; must not block. Null = nobody.</param>
internal sealed class Concurrency(string gateway, Func<string, string, Decision?> inForce, Action? wake = null)
{
    private readonly ConcurrentDictionary<string, ScopeGauge> _gauges = new(StringComparer.Ordinal);
    private long _number;

    /// <summary>A policy's limit on a scope as this gateway has to keep it; null: it only counts.</summary>
    public SlotLimit? LimitOf(Policy policy, Decision? decision)
    {
        if (SlotShares.SlotsOf(policy) is not { } slots)
            return null;
        return decision?.MaxConcurrent is null
            ? new SlotLimit(policy, 0, SlotShares.Allowance(slots))
            : new SlotLimit(policy, decision.Version, SlotShares.Of(decision.Slots, gateway));
    }

    /// <summary>Lets a request go on all its scopes, or on none.</summary>
    /// <returns>Null, or the policy whose limit is reached.</returns>
    public Policy? TryEnter(List<SlotNeed> needs)
    {
        for (var i = 0; i < needs.Count; i++)
        {
            Policy? full;
            bool isUrgent;
            var need = needs[i];
            do
                need.Gauge = _gauges.GetOrAdd(need.Scope, static _ => new ScopeGauge());
            while (!need.Gauge.TryEnter(CollectionsMarshal.AsSpan(need.Limits), out full, out isUrgent));
            if (isUrgent)
                wake?.Invoke();
            if (full is null)
                continue;
            for (var entered = 0; entered < i; entered++)
                needs[entered].Gauge!.Leave();
            return full;
        }
        return null;
    }

    /// <summary>What is to be reported now: call it every 50 ms or so, on one thread.</summary>
    /// <param name="nowMicros">Monotonic enough: a clock that goes back only repeats a report.</param>
    public void Collect(long nowMicros, ICollection<LevelReport> into)
    {
        foreach (var (scope, gauge) in _gauges)
        {
            if (gauge.TryRetire(nowMicros))
            {
                _gauges.TryRemove(new KeyValuePair<string, ScopeGauge>(scope, gauge));
                continue;
            }
            if (!gauge.IsToRefresh(nowMicros))
                continue;
            Refresh(scope, gauge);
            if (gauge.Report(nowMicros) is var (demand, underWay, knows))
                into.Add(new LevelReport(scope, LimitUnit.Concurrent, gateway, ++_number, demand, underWay, knows));
        }
    }

    // The governor's decisions on a scope come in the order of their versions: who knows the greatest has heard all before it, and
    // what is read after it is that or newer.
    private void Refresh(string scope, ScopeGauge gauge)
    {
        var limits = gauge.Limits;
        var knows = 0L;
        foreach (var limit in limits)
            knows = Math.Max(knows, inForce(scope, limit.Policy.Name)?.Version ?? 0);
        for (var i = 0; i < limits.Length; i++)
            limits[i] = LimitOf(limits[i].Policy, inForce(scope, limits[i].Policy.Name)) ?? limits[i];
        gauge.Learn(limits, knows);
    }
}

/// <summary>One scope of a request that counts there, and the limits that it has to keep.</summary>
internal sealed class SlotNeed(string scope)
{
    public string Scope => scope;

    public List<SlotLimit> Limits { get; } = [];

    public ScopeGauge? Gauge { get; set; }
}
