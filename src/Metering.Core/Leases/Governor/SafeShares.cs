namespace Metering.Core.Leases.Governor;

/// <summary>Sets shares of windows aside for gateways that may lose control (R30), and drops those that have ended.</summary>
internal sealed class SafeShares(LeaseGovernorOptions options, Versions versions, StateChanges changes)
{
    private readonly long _ttl = options.SafeShareTtl.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Sets a share aside for each gateway that uses the account, and moves the ends of those that are in use.</summary>
    public void Give(GovernedAccount account, long currentId, long nextId, ILeaseOutput output)
    {
        var limit = account.Limit!.Value;
        var amount = Saturating.Share(limit.Amount, limit.SafeSharePpm);
        if (amount == 0)
            return;
        foreach (var ask in account.Asks.Values)
        {
            SafeShareSeat? seat = null;
            foreach (var known in account.Seats.Values)
            {
                if (known.Gateway == ask.Gateway && (seat is null || known.UntilMicros > seat.UntilMicros))
                    seat = known;
            }
            var isInUse = seat is not null && seat.UntilMicros - versions.NowMicros > _ttl / 10;
            if (seat is not null && isInUse && (seat.Amount != amount || seat.UntilMicros - versions.NowMicros > _ttl / 2))
                continue;
            var version = versions.Next();
            if (seat is null || !isInUse)
            {
                // Only where it is still free in every window that has begun to be granted.
                if (account.Left(nextId) < amount)
                    continue;
                var id = versions.LeaseId(version);
                seat = new SafeShareSeat(account.Key, id, ask.Gateway, limit.Policy, amount, account.Left(currentId) >= amount ? currentId : nextId);
                account.Seats.Add(id, seat);
            }
            (seat.UntilMicros, seat.Version) = (versions.NowMicros + _ttl, version);
            changes.Changed(seat);
            output.Grant(new LeaseGrant(account.Key, seat.Policy, seat.Gateway, seat.Id, seat.Version, seat.Amount, seat.FromWindowId, 0, 0, IsRecalled: false, ask.Number)
            {
                SafeShareUntilMicros = seat.UntilMicros,
                Figures = account.Figures(account.WindowAt(versions.NowMicros), versions.NowMicros),
            });
        }
    }

    /// <summary>Used above a share: charged to the window that the report names, once.</summary>
    public void TakeDebt(GovernedAccount account, SafeShareSeat seat, in LeaseReport report)
    {
        if (report.Debt <= seat.Debt)
            return;
        if (account.Find(report.WindowId) is { } window)
        {
            window.Settled = Saturating.Add(window.Settled, report.Debt - seat.Debt);
            changes.Changed(window);
        }
        seat.Debt = report.Debt;
        changes.Changed(seat);
    }

    /// <summary>Those that no window from now on is charged for.</summary>
    public void Drop(GovernedAccount account, ILeaseOutput output)
    {
        var begin = account.WindowAt(versions.NowMicros).BeginMicros;
        foreach (var seat in account.Seats.Values)
        {
            if (seat.UntilMicros > begin)
                continue;
            account.Seats.Remove(seat.Id);
            changes.Removed(seat);
            output.Settle(new LeaseTombstone(account.Key, seat.Policy, seat.Gateway, seat.Id));
        }
    }
}
