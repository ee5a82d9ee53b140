using System.Globalization;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Events;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Pipeline.Govern;

/// <summary>How far a scope is on the steps of a limit on requests under way.</summary>
/// <param name="former">Of the policy before it was edited: what gateways may still act by is known there.</param>
internal sealed class ConcurrentState(Policy policy, ConcurrentState? former)
{
    public Policy Policy => policy;

    /// <summary>Of the steps, how many are reached.</summary>
    public int Reached { get; set; }

    public SlotShares Slots { get; } = former?.Slots ?? new();

    /// <summary>When its slots began to be divided, as far as this governor knows. Unix µs.</summary>
    public long DividedAtMicros { get; set; }

    /// <summary>When its slots had last to be divided. Unix µs.</summary>
    public long NeededAtMicros { get; set; } = former?.NeededAtMicros ?? 0;
}

/// <summary>What a limit on requests under way comes to, by the levels that gateways report: which steps are reached, and, for a
/// <c>deny</c> step, who may have how many of its slots.</summary>
internal static class ConcurrentDecisions
{
    /// <summary>Slots that are not needed stay divided for so long: a limit of a few requests would come and go with each.</summary>
    private const long KeptMicros = 10_000_000;

    private const long RetryAfterMs = 1_000;

    private static readonly long HeardWithinMicros = SlotShares.HeardWithin.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>The decision from now on; null = none; <paramref name="before"/> itself while it is not known what has become of the
    /// gateways that it names.</summary>
    public static Decision? Of(ScopeState scope, ConcurrentState state, Decision? before, bool isTick, long nowMicros)
    {
        long underWay = 0, demand = 0;
        foreach (var level in scope.UnderWay.All)
        {
            if (!level.IsHeard)
                return before;
            underWay += level.UnderWay;
            demand = Math.Min(long.MaxValue / 4, demand + Math.Min(level.Demand, long.MaxValue / 4));
        }
        var policy = state.Policy;
        state.Reached = PolicySteps.Reached(policy, underWay, state.Reached, isRolling: true);
        var slots = SlotShares.SlotsOf(policy);
        if (slots is { } of && SlotShares.IsToDivide(of, Math.Max(underWay, demand), before?.MaxConcurrent is not null))
            state.NeededAtMicros = nowMicros;
        var isDivided = slots is not null && nowMicros - state.NeededAtMicros < KeptMicros;
        if (state.Reached == 0 && !isDivided)
            return null;
        var decision = New(scope, state, underWay, nowMicros);
        if (decision.TokensPerSecond is not null)
            decision.SharesPpm = RateShares.Divide(scope.Throttled, before?.SharesPpm ?? None(), isTick);
        if (isDivided)
        {
            var had = before?.MaxConcurrent is null ? None() : before.Slots;
            if (had.Count == 0 || state.DividedAtMicros == 0)
                state.DividedAtMicros = nowMicros;
            var isNew = nowMicros - state.DividedAtMicros < HeardWithinMicros;
            (decision.MaxConcurrent, decision.Slots) = (slots, state.Slots.Divide(scope.UnderWay, slots!.Value, had, before?.Version ?? 0, isTick, isNew));
        }
        return decision;
    }

    private static Decision New(ScopeState scope, ConcurrentState state, long underWay, long nowMicros)
    {
        var policy = state.Policy;
        var decision = SoftDecisions.New(scope, policy, state.Reached, nowMicros);
        (decision.Because["used"], decision.Because["gateways"]) = (underWay, scope.UnderWay.All.Count);
        for (var i = 0; i < state.Reached; i++)
            SoftDecisions.Set(decision, policy.Steps[i], RetryAfterMs * 1000);
        decision.Reason = string.Create(CultureInfo.InvariantCulture, $"{scope.Text} has {underWay} of {policy.Amount} requests under way ({policy.Name})");
        return decision;
    }

    private static Dictionary<string, long> None() => new(StringComparer.Ordinal);
}
