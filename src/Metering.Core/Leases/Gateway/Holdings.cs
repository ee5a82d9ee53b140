using Metering.Core.Policies;

namespace Metering.Core.Leases.Gateway;

/// <summary>What is in hand, what may be taken of it by whom, and what becomes of it; the lost-control rules included. Under the
/// book's lock.</summary>
internal sealed class Holdings(LeaseBookOptions options, WaitingLine line)
{
    private readonly long _lostAfter = options.ControlLostAfter.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>A request is to be sent at once.</summary>
    public bool IsToWake { get; set; }

    public bool IsLost(BookAccount account, long now) => account.Clock.IsLost(now, _lostAfter);

    private BookLease? ShareBudget(BookAccount account, long now) =>
        account.Rules.WhenControlIsLost == LostControl.SafeShare && IsLost(account, now) ? account.Share?.Budget(account.Clock.Estimate(now)) : null;

    /// <summary>What is in hand and free, for one request: it counts in one window (R26), so where a safe share has gone on to the
    /// next before a lease has, either pays.</summary>
    public long Capacity(BookAccount account, long now)
    {
        account.Advance(now);
        if (ShareBudget(account, now) is not { } budget)
            return account.Free;
        return budget.WindowId == account.WindowId ? Saturating.Add(account.Free, budget.Free) : Math.Max(account.Free, budget.Free);
    }

    /// <summary>The most that could become free in hand without another grant.</summary>
    public long AtMost(BookAccount account, long now) => Saturating.Add(Capacity(account, now), account.Reserved(isOfAll: true));

    /// <summary>What the longest-waiting request needs is not taken by one who has come later.</summary>
    public static long Ahead(BookAccount account, LeaseWaiter? waiter) =>
        account.Waiters.Count > 0 && account.Waiters[0] != waiter ? account.Waiters[0].NeedOn(account) : 0;

    public ReserveResult Check(ReadOnlySpan<LeaseNeed> needs, LeaseWaiter? waiter, long now)
    {
        var worst = ReserveResult.Reserved;
        for (var i = 0; i < needs.Length; i++)
        {
            var (account, amount) = (needs[i].Account, needs[i].Amount);
            if (IsLost(account, now) && account.Rules.WhenControlIsLost is LostControl.Open or LostControl.Closed)
            {
                if (account.Rules.WhenControlIsLost == LostControl.Closed)
                    return ReserveResult.Closed;
                continue;
            }
            for (var j = 0; j < i; j++)
            {
                if (needs[j].Account == account)
                    amount = Saturating.Add(amount, needs[j].Amount);
            }
            if (amount == 0 || amount <= Capacity(account, now) - Ahead(account, waiter))
                continue;
            var isRefused = now < account.RefusedUntil && amount > AtMost(account, now);
            worst = (ReserveResult)Math.Max((int)worst, (int)(isRefused ? ReserveResult.Refused : ReserveResult.Short));
        }
        return worst;
    }

    public LeaseReservation Take(ReadOnlySpan<LeaseNeed> needs, long now)
    {
        var reservation = new LeaseReservation(needs.Length);
        for (var i = 0; i < needs.Length; i++)
        {
            var (account, amount) = (needs[i].Account, needs[i].Amount);
            var isLost = IsLost(account, now);
            if (isLost && account.Rules.WhenControlIsLost == LostControl.Open)
            {
                reservation.IsWaived = true;
                continue;
            }
            var budget = ShareBudget(account, now);
            var rest = amount;
            if (budget is null || budget.WindowId == account.WindowId || account.Free >= amount)
                rest -= account.Reserve(reservation, i, amount, now);
            if (rest > 0)
            {
                if (budget is null)
                    throw new InvalidOperationException($"{account.Key}: {rest} of {amount} cannot be reserved");
                budget.Reserve(rest);
                reservation.Add(i, budget, rest);
            }
            if (account.Free < account.Levels.LowMark)
                IsToWake = true;
        }
        return reservation;
    }

    public long Settle(LeaseReservation reservation, int index, long used, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(used);
        var rest = used;
        BookLease? last = null;
        for (var i = 0; i < reservation.Count; i++)
        {
            ref var part = ref reservation[i];
            if (part.Account != index)
                continue;
            last = part.Lease;
            var use = Math.Min(rest, part.Amount);
            last.Settle(part.Amount, use);
            rest -= use;
            if (!last.IsRetired && !last.IsShare)
                last.Account.Release(part.Amount - use);
        }
        if (last is null)
            return 0;
        var account = last.Account;
        line.Changed(account);
        if (last.IsRecalled)
            (account.Levels.IsUrgent, IsToWake) = (true, true); // somebody waits for it elsewhere
        if (rest == 0)
            return 0;
        account.Advance(now);
        if (last.WindowId == account.WindowId)
            rest -= account.SpendFree(rest, now);
        if (last.IsShare)
            account.ShareDebt = Saturating.Add(account.ShareDebt, rest);
        else
            last.AddDebt(rest);
        return rest;
    }

    /// <summary>Serves who waits for the accounts that have changed, in their order.</summary>
    public void Serve(long now)
    {
        while (line.TryNext(out var account))
        {
            for (var i = 0; i < account.Waiters.Count;)
            {
                var waiter = account.Waiters[i];
                if (i > 0 && Capacity(account, now) <= Ahead(account, waiter))
                    break;
                var result = Check(waiter.Needs, waiter, now);
                if (result == ReserveResult.Reserved)
                    line.Finish(waiter, WaitOutcome.Reserved, Take(waiter.Needs, now));
                else
                    i++;
            }
        }
    }
}
