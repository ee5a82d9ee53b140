using System.Globalization;
using Metering.Core.Leases;
using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Events;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;
using LimitUnit = Metering.Core.Policies.LimitUnit;

namespace Metering.Pipeline.Govern.Leases;

/// <summary>What the governor of leases decides, as records of <c>control</c> (R24, R25).</summary>
internal static class LeaseDecisions
{
    /// <summary>Stands for the lease's id in a refusal's key: each gateway has one place for the newest.</summary>
    private const string Refused = "refused";

    public static string KeyOf(LeaseTombstone tombstone) => ControlKeys.OfGrant(tombstone.Account.Scope, tombstone.Policy, tombstone.Gateway, tombstone.LeaseId);

    public static Decision Of(LeaseGrant grant, long nowMicros)
    {
        var decision = New(grant.Account, grant.Policy, grant.Gateway, grant.Figures, nowMicros);
        decision.Key = ControlKeys.OfGrant(grant.Account.Scope, grant.Policy, grant.Gateway, grant.LeaseId);
        decision.LeaseId = grant.LeaseId;
        decision.Version = grant.Version;
        decision.Amount = grant.Amount;
        decision.WindowId = grant.WindowId;
        decision.OpensInMs = grant.OpensInMs;
        decision.TtlMs = grant.TtlMs;
        decision.IsRecalled = grant.IsRecalled;
        decision.Answers = grant.Answers;
        decision.SafeShareUntilMicros = grant.SafeShareUntilMicros;
        decision.ExpiresAtMicros = grant.SafeShareUntilMicros ?? (nowMicros + (grant.TtlMs * 1000));
        decision.Reason = string.Create(CultureInfo.InvariantCulture, $"{(grant.IsRecalled ? "recalled" : "granted")} {grant.Amount} {decision.Unit}, {grant.Figures.Left} of {grant.Figures.Limit} are left");
        return decision;
    }

    public static Decision Of(LeaseRefusal refusal, long nowMicros)
    {
        var decision = New(refusal.Account, refusal.Policy, refusal.Gateway, refusal.Figures, nowMicros);
        decision.Key = ControlKeys.OfGrant(refusal.Account.Scope, refusal.Policy, refusal.Gateway, Refused);
        decision.Version = refusal.Version;
        decision.Amount = 0;
        decision.WindowId = refusal.WindowId;
        decision.Answers = refusal.Answers;
        decision.RetryAfterMs = refusal.RetryAfterMs;
        decision.ExpiresAtMicros = nowMicros + (refusal.RetryAfterMs * 1000);
        decision.Reason = string.Create(CultureInfo.InvariantCulture, $"{refusal.Figures.Charged} of {refusal.Figures.Limit} {decision.Unit} are charged");
        return decision;
    }

    /// <summary>A refusal, which is nothing to keep beyond its window.</summary>
    public static bool IsRefusal(Decision decision) => decision is { Action: DecisionAction.Grant, LeaseId: null };

    private static Decision New(AccountKey account, string policy, string gateway, in AccountFigures figures, long nowMicros) => new()
    {
        Scope = account.Scope,
        Action = DecisionAction.Grant,
        Policy = policy,
        Gateway = gateway,
        Unit = account.Unit.NameOf(),
        Per = account.Per.NameOf(),
        TimeZone = account.TimeZone,
        Enforce = true,
        Because = new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["limit"] = figures.Limit,
            ["charged"] = figures.Charged,
            ["on_loan"] = figures.OnLoan,
            ["unleased"] = figures.Unleased,
            ["set_aside"] = figures.SetAside,
            ["written_off"] = figures.WrittenOff,
            ["left"] = figures.Left,
            ["resets_at_us"] = figures.ResetsAtMicros,
            ["resets_in_ms"] = figures.ResetsInMs,
        },
        DecidedAtMicros = nowMicros,
        EffectiveAtMicros = nowMicros,
    };
}
