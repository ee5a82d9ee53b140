using Metering.Core.Policies;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Pipeline.Govern;

/// <summary>Holds scopes against the policies that name them, and says and takes back decisions. Of one task.</summary>
internal sealed class ScopeDecider(DecisionBook decisions)
{
    private PolicyMatcher? _policies;

    public void TakePolicies(PolicyMatcher policies) => _policies = policies;

    /// <summary>Some policy limits what is under way in the scope. Makes a list: for scopes that are not known yet.</summary>
    public bool IsConcurrent(ReadOnlySpan<byte> scope) => _policies!.PoliciesOf(scope).Any(static policy => policy.Unit == LimitUnit.Concurrent);

    public static bool IsOf(ScopeState scope, string policy) =>
        scope.Policies.Exists(state => state.Policy.Name == policy) || scope.Concurrent.Exists(state => state.Policy.Name == policy);

    public void FindPolicies(ScopeState scope)
    {
        if (_policies is null || ReferenceEquals(scope.Matcher, _policies))
            return;
        scope.Matcher = _policies;
        scope.IsHard = false;
        scope.Policies.Clear();
        var before = scope.Concurrent.ToArray();
        scope.Concurrent.Clear();
        foreach (var policy in _policies.PoliciesOf(scope.Name))
        {
            scope.IsHard |= policy is { Hard: true, IsShadow: false };
            if (policy.Steps.Count == 0)
                continue;
            if (policy.Unit == LimitUnit.Concurrent)
                scope.Concurrent.Add(new ConcurrentState(policy, Array.Find(before, state => state.Policy.Name == policy.Name)));
            else
                scope.Policies.Add(new PolicyState(policy, AccountOf(scope, policy)));
        }
    }

    public void Decide(ScopeState scope, bool isTick, long nowMicros)
    {
        foreach (var state in scope.Policies)
        {
            var used = state.Account.UsedAt(nowMicros, state.Policy.Unit);
            state.Reached = PolicySteps.Reached(state.Policy, used, state.Reached, state.Account.IsRolling);
            var key = ControlKeys.OfDecision(scope.Text, state.Policy.Name);
            if (state.Reached == 0)
                decisions.TakeBack(key);
            else
                decisions.Say(SoftDecisions.Of(scope, state, state.Reached, used, decisions.Find(key), isTick, nowMicros), nowMicros);
        }
        foreach (var state in scope.Concurrent)
        {
            var key = ControlKeys.OfDecision(scope.Text, state.Policy.Name);
            if (ConcurrentDecisions.Of(scope, state, decisions.Find(key), isTick, nowMicros) is { } decision)
                decisions.Say(decision, nowMicros);
            else
                decisions.TakeBack(key);
        }
    }

    /// <summary>Its windows are over, nothing is under way, and no decision stands.</summary>
    public bool IsForgettable(ScopeState scope, long nowMicros) =>
        scope.UnderWay.All.Count == 0 &&
        scope.Concurrent.TrueForAll(state => decisions.Find(ControlKeys.OfDecision(scope.Text, state.Policy.Name)) is null) &&
        scope.Policies.TrueForAll(static state => state.Reached == 0) &&
        scope.Accounts.Values.All(account => account.UsedAt(nowMicros, LimitUnit.Requests) == 0);

    private static SoftAccount AccountOf(ScopeState scope, Policy policy)
    {
        var key = SoftAccountKey.Of(policy);
        if (!scope.Accounts.TryGetValue(key, out var account))
            scope.Accounts.Add(key, account = key.Create());
        return account;
    }
}
