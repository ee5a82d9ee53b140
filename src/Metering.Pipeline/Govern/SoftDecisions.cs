using System.Globalization;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Events;
using Metering.Pipeline.Govern.Leases;
using Policy = Metering.Core.Policies.Policy;
using PolicyStep = Metering.Core.Policies.PolicyStep;
using StepAction = Metering.Core.Policies.StepAction;

namespace Metering.Pipeline.Govern;

/// <summary>Says in a Decision which of a policy's steps are reached. The highest names the action; what lower steps have set
/// goes on (a cap on output beside a throttle).</summary>
internal static class SoftDecisions
{
    /// <param name="reached">How many steps are reached, at least one.</param>
    /// <param name="used">Of the limit, in its unit.</param>
    /// <param name="before">What is published; null = nothing.</param>
    /// <param name="isTick">Shares follow the traffic now.</param>
    public static Decision Of(ScopeState scope, PolicyState state, int reached, Int128 used, Decision? before, bool isTick, long nowMicros)
    {
        var policy = state.Policy;
        var resetsAt = state.Account.ResetsAt(nowMicros);
        var decision = New(scope, policy, reached, nowMicros);
        decision.Because["used"] = (long)Int128.Min(used, long.MaxValue);
        // A rolling limit's step ends when usage has gone down, and is then taken back.
        decision.ExpiresAtMicros = state.Account.IsRolling ? null : resetsAt;
        for (var i = 0; i < reached; i++)
            Set(decision, policy.Steps[i], resetsAt - nowMicros);
        if (decision.TokensPerSecond is not null)
            decision.SharesPpm = RateShares.Divide(scope.Throttled, before?.SharesPpm ?? new Dictionary<string, long>(StringComparer.Ordinal), isTick);
        decision.Reason = string.Create(CultureInfo.InvariantCulture,
            $"{scope.Text} has used {used} of {policy.Amount} {decision.Unit} per {decision.Per} ({policy.Name})");
        return decision;
    }

    /// <summary>What every decision says of a policy of which so many steps are reached.</summary>
    public static Decision New(ScopeState scope, Policy policy, int reached, long nowMicros) => new()
    {
        Key = ControlKeys.OfDecision(scope.Text, policy.Name),
        Scope = scope.Text,
        Action = reached == 0 ? DecisionAction.Allow : ActionOf(policy.Steps[reached - 1].Action),
        Enforce = !policy.IsShadow,
        SharePpm = policy.SharePpm,
        Policy = policy.Name,
        Message = policy.Message,
        Unit = policy.Unit.NameOf(),
        Per = policy.Per.NameOf(),
        Because = new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["limit"] = policy.Amount,
            ["step_ppm"] = reached == 0 ? 0 : policy.Steps[reached - 1].AtPpm,
        },
        DecidedAtMicros = nowMicros,
        EffectiveAtMicros = nowMicros,
    };

    /// <summary>The same, divided in the same way.</summary>
    public static bool AreEqual(Decision a, Decision b) => AreSame(a, b) && AreEqual(a.SharesPpm, b.SharesPpm) && AreEqual(a.Slots, b.Slots);

    /// <summary>What must be equal for a decision to be the one that is published already: all but when, the figures, and how gateways
    /// divide it among them.</summary>
    public static bool AreSame(Decision a, Decision b) =>
        a.Action == b.Action && a.Enforce == b.Enforce && a.SharePpm == b.SharePpm && a.Message == b.Message &&
        a.TokensPerSecond == b.TokensPerSecond && a.BurstTokens == b.BurstTokens && a.MaxOutputTokens == b.MaxOutputTokens && a.ToModel == b.ToModel &&
        a.ExpiresAtMicros == b.ExpiresAtMicros && a.MaxConcurrent == b.MaxConcurrent;

    private static bool AreEqual(IDictionary<string, long> a, IDictionary<string, long> b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a.Count != b.Count)
            return false;
        foreach (var (gateway, share) in a)
        {
            if (!b.TryGetValue(gateway, out var other) || other != share)
                return false;
        }
        return true;
    }

    public static void Set(Decision decision, PolicyStep step, long leftMicros)
    {
        switch (step.Action)
        {
            case StepAction.Throttle:
                decision.TokensPerSecond = step.TokensPerSecond;
                decision.BurstTokens = step.BurstTokens;
                break;
            case StepAction.CapOutput:
                decision.MaxOutputTokens = step.MaxOutputTokens;
                break;
            case StepAction.Downgrade:
                decision.ToModel = step.ToModel;
                break;
            case StepAction.Deny:
                decision.RetryAfterMs = step.RetryAfterMs ?? (leftMicros / 1000);
                break;
        }
    }

    // Told to people; no gateway does anything about it.
    public static DecisionAction ActionOf(StepAction action) => action switch
    {
        StepAction.Throttle => DecisionAction.Throttle,
        StepAction.CapOutput => DecisionAction.CapOutput,
        StepAction.Downgrade => DecisionAction.Downgrade,
        StepAction.Deny => DecisionAction.Deny,
        _ => DecisionAction.Allow,
    };
}
