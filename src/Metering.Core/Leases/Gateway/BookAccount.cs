namespace Metering.Core.Leases.Gateway;

/// <summary>One hard account in a gateway's book: a handle that the gateway keeps beside the policy. All else of it is the book's, under
/// its lock.</summary>
public sealed class BookAccount
{
    internal BookAccount(AccountKey key) => (Key, Zone) = (key, key.Zone);

    public AccountKey Key { get; }

    internal TimeZoneInfo Zone { get; }

    internal AccountRules Rules { get; set; }

    internal PartitionClock Clock { get; set; } = new();

    /// <summary>All that the governor has not said to be settled, in the order in which they came.</summary>
    internal List<BookLease> Leases { get; } = [];

    /// <summary>In the order in which they came.</summary>
    internal List<LeaseWaiter> Waiters { get; } = [];

    internal RecentUse Use { get; } = new();

    internal RequestLevels Levels { get; } = new();

    internal SafeShare? Share { get; set; }

    internal long ShareDebt { get; set; }

    internal bool IsActive { get; set; }

    /// <summary>The newest window of which a lease has opened: it alone admits.</summary>
    internal long WindowId { get; private set; } = long.MinValue;

    /// <summary>Of the leases that admit now.</summary>
    internal long Free { get; private set; }

    /// <summary>When a lease opens or expires; monotonic µs.</summary>
    internal long NextChange { get; private set; }

    internal long RefusedUntil { get; set; } = long.MinValue;

    /// <summary>The greatest version of a refusal that was taken.</summary>
    internal long RefusalVersion { get; set; }

    internal AccountFigures? Figures { get; private set; }

    internal long FiguresVersion { get; private set; }

    internal void Learn(in AccountFigures figures, long version)
    {
        if (version > FiguresVersion)
            (Figures, FiguresVersion) = (figures, version);
    }

    internal void Touch() => NextChange = long.MinValue;

    /// <summary>Opens and retires leases by the time. R26: with the first lease of a later window, those of the former admit no more.</summary>
    internal void Advance(long now)
    {
        if (now < NextChange)
            return;
        foreach (var lease in Leases)
        {
            if (lease.OpensAt <= now)
                WindowId = Math.Max(WindowId, lease.WindowId);
        }
        (Free, NextChange) = (0, long.MaxValue);
        foreach (var lease in Leases)
        {
            if (lease.IsRetired)
                continue;
            if (lease.ExpiresAt <= now || lease.WindowId < WindowId)
                lease.Retire();
            else if (lease.OpensAt > now)
                NextChange = Math.Min(NextChange, lease.OpensAt);
            else
                (Free, NextChange) = (Free + lease.Free, Math.Min(NextChange, lease.ExpiresAt));
        }
    }

    /// <summary>Takes from the leases that admit, at most what is free.</summary>
    internal long Reserve(LeaseReservation into, int index, long amount, long now) => Take(amount, now, into, index);

    /// <summary>Uses what is free for what was not reserved; how much it was enough for.</summary>
    internal long SpendFree(long amount, long now) => Take(amount, now, into: null, 0);

    private long Take(long amount, long now, LeaseReservation? into, int index)
    {
        var rest = Math.Min(amount, Free);
        Free -= rest;
        var taken = rest;
        foreach (var lease in Leases)
        {
            if (rest == 0)
                break;
            if (lease.OpensAt > now || lease.Free == 0)
                continue;
            var part = Math.Min(rest, lease.Free);
            if (into is null)
            {
                lease.SpendFree(part);
            }
            else
            {
                lease.Reserve(part);
                lease.IsToReport = true;
                into.Add(index, lease, part);
            }
            rest -= part;
        }
        if (rest > 0)
            throw new InvalidOperationException($"{Key}: {rest} of {taken} are in no lease");
        return taken;
    }

    internal void TakeShare(LeaseGrant grant, long untilMicros)
    {
        if (Share is not { } share || (share.Id != grant.LeaseId && share.UntilMicros < untilMicros))
            Share = share = new SafeShare(this, grant.LeaseId, grant.Amount, grant.WindowId);
        if (share.Id == grant.LeaseId && grant.Version > share.Version)
            (share.Version, share.UntilMicros) = (grant.Version, untilMicros);
    }

    /// <summary>Returns all that no request holds.</summary>
    internal void ReturnAll(long now)
    {
        foreach (var lease in Leases)
            lease.Retire();
        Touch();
        Advance(now);
    }

    /// <summary>What was not used of a lease that still admits.</summary>
    internal void Release(long amount) => Free += amount;

    /// <summary>Held by requests under way in the current window, of leases that admit, or of all.</summary>
    internal long Reserved(bool isOfAll)
    {
        var sum = 0L;
        foreach (var lease in Leases)
        {
            if (lease.WindowId == WindowId && (isOfAll || !lease.IsRetired))
                sum += lease.Reserved;
        }
        return sum;
    }
}
