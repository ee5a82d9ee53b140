using System.Collections.Concurrent;
using Metering.Events;

namespace Metering.Client.Control;

/// <summary>
/// What the topic <c>control</c> says now: the newest decision of each key by its version, whatever order or number of copies
/// they come in (R24), and each governor's clock. Written by the reader's thread, read by any.
/// </summary>
internal sealed class DecisionTable(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Decision> _byKey = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Scope, string Policy), Standing> _byScope = new();
    private readonly ConcurrentDictionary<int, GovernorClock> _clocks = new();

    private sealed record Standing(Decision Decision, GovernorClock Clock);

    public IEnumerable<Decision> All => _byKey.Values;

    public GovernorClock ClockOf(int partition) => _clocks.GetOrAdd(partition, _ => new GovernorClock(time));

    /// <returns>False when it is not newer than what is known.</returns>
    public bool Take(int partition, Decision decision, bool isNews)
    {
        var clock = ClockOf(partition);
        clock.Hear(decision.DecidedAtMicros, decision.Action == DecisionAction.Heartbeat, isNews);
        if (decision.Action == DecisionAction.Heartbeat)
            return true;
        if (_byKey.TryGetValue(decision.Key, out var known) && known.Version >= decision.Version)
            return false;
        _byKey[decision.Key] = decision;
        if (decision.Action != DecisionAction.Grant)
            _byScope[(decision.Scope, decision.Policy)] = new Standing(decision, clock);
        return true;
    }

    /// <returns>What was taken back; null when nothing was known.</returns>
    public Decision? TakeBack(string key)
    {
        if (!_byKey.TryRemove(key, out var decision))
            return null;
        if (_byScope.TryGetValue((decision.Scope, decision.Policy), out var standing) && ReferenceEquals(standing.Decision, decision))
            _byScope.TryRemove((decision.Scope, decision.Policy), out _);
        return decision;
    }

    /// <summary>The decision that stands for a scope and policy, in force by its governor's clock; null = none. Shadow decisions too.</summary>
    public Decision? InForce(string scope, string policy)
    {
        if (!_byScope.TryGetValue((scope, policy), out var standing))
            return null;
        var (decision, now) = (standing.Decision, standing.Clock.NowMicros());
        return now >= decision.EffectiveAtMicros && (decision.ExpiresAtMicros is not { } expires || now < expires) ? decision : null;
    }
}
