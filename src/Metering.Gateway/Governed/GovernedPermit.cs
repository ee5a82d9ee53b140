using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Pricing;
using Metering.Gateway.Admission;

namespace Metering.Gateway.Governed;

/// <summary>Leave to forward a request, with what it holds on its hard limits. Settled once, it gives the rest back at once.</summary>
internal sealed class GovernedPermit(LeaseTraffic leases, Throttles throttles, Plan plan, LeaseReservation? reservation, RateLimitFigures? limits, long? maxOutputTokens, long arrivedAtMicros) : Permit
{
    public override string? LeaseId => reservation?.LeaseId;

    /// <summary>R26: a clock that is behind the governor's does not move a request out of its lease's window.</summary>
    public override long AdmittedAtMicros { get; } = Math.Max(arrivedAtMicros, WindowOf(plan, reservation));

    public override long? MaxOutputTokens => maxOutputTokens;

    public override long OutputAllowance => reservation is null || reservation.IsWaived ? long.MaxValue : ReservedOutputTokens;

    public override long ReservedInputTokens => reservation is null ? 0 : plan.InputTokens;

    public override long ReservedOutputTokens => reservation is null ? 0 : plan.Choices * plan.MaxOutputTokens;

    public override RateLimitFigures? Limits => limits;

    public override void Settle(in ActualUsage usage)
    {
        plan.Leave();
        foreach (var (scope, policy) in plan.Throttled ?? [])
            throttles.Take(scope, policy, usage.InputTokens + usage.OutputTokens);
        if (reservation is null)
            return;
        Span<long> used = plan.Count <= 8 ? stackalloc long[plan.Count] : new long[plan.Count];
        for (var i = 0; i < used.Length; i++)
            used[i] = UsedOn(i, usage);
        leases.Book.Settle(reservation, used, leases.Now);
    }

    public override void AddPaid(in ActualUsage? usage, IDictionary<string, long> paidBy)
    {
        for (var i = 0; reservation is not null && i < plan.Count; i++)
            reservation.AddPaid(i, usage is { } used ? UsedOn(i, used) : reservation.AmountOn(i), paidBy);
    }

    // R28: what the host has not said itself costs its whole reservation.
    private long UsedOn(int index, in ActualUsage usage)
    {
        var unit = plan.UnitAt(index);
        if (unit == LimitUnit.Requests)
            return 1;
        if (!usage.WasServed)
            return 0;
        var used = unit switch
        {
            LimitUnit.Tokens => usage.InputTokens + usage.OutputTokens,
            LimitUnit.InputTokens => usage.InputTokens,
            LimitUnit.OutputTokens => usage.OutputTokens,
            LimitUnit.Usd => CostOf(usage) ?? reservation!.AmountOn(index),
            _ => 0,
        };
        return usage.IsEstimated ? Math.Max(used, reservation!.AmountOn(index)) : used;
    }

    private long? CostOf(in ActualUsage usage)
    {
        var price = plan.Price!.Price(plan.AtMicros, usage.InputTokens, usage.CachedInputTokens, 0, usage.OutputTokens, usage.ReasoningTokens);
        return price.Reason == Unpriced.No ? price.CostPicoUsd : null;
    }

    private static long WindowOf(Plan plan, LeaseReservation? reservation)
    {
        var begin = 0L;
        for (var i = 0; reservation is not null && i < plan.Count; i++)
            begin = Math.Max(begin, reservation.WindowOn(i) ?? 0);
        return begin;
    }
}
