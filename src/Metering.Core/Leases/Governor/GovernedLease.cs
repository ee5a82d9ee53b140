namespace Metering.Core.Leases.Governor;

/// <summary>A lease as the governor knows it. What its gateway reported only grows, whatever comes twice, late or out of order.</summary>
internal sealed class GovernedLease(AccountWindow window, string id, string gateway, string policy, long granted)
{
    public AccountWindow Window { get; } = window;

    public string Id { get; } = id;

    public string Gateway { get; } = gateway;

    public string Policy { get; } = policy;

    public long Granted { get; } = granted;

    public long Spent { get; set; }

    public long Returned { get; set; }

    public long Debt { get; set; }

    /// <summary>What metered events say that it paid: known though its gateway has not reported it (R29).</summary>
    public long Metered { get; set; }

    public bool IsRecalled { get; set; }

    public long Version { get; set; }

    public long Answers { get; set; }

    /// <summary>Its gateway admits nothing with it from here, by the governor's now.</summary>
    public long ExpiresAtMicros { get; set; }

    /// <summary>As it was granted; a recall repeats it, so that its gateway remembers the lease as long as its grant could revive it.</summary>
    public long TtlMs { get; set; }

    public bool IsClosed { get; set; }

    /// <summary>By the newest report. Not state: an estimate of what recalling it would bring.</summary>
    public long Reserved { get; private set; }

    /// <summary>The clock when it was recalled. Not state.</summary>
    public long RecalledAtClock { get; set; } = long.MinValue;

    /// <summary>R23. What its account is charged: all that its gateway may still spend, and all that it may have.</summary>
    public long Charge => Saturating.Add(IsClosed ? Spent : Granted - Returned, Debt);

    /// <summary>What its gateway holds, reserved or not.</summary>
    public long Held => Math.Max(0, Granted - Returned - Spent);

    /// <summary>What its gateway holds and no request does, as far as is known.</summary>
    public long Free => Math.Max(0, Held - Reserved);

    public bool Admits(long nowMicros) => !IsRecalled && nowMicros < ExpiresAtMicros;

    /// <summary>R25: the maximum counts. True if something that is state has changed.</summary>
    public bool Take(in LeaseReport report, bool isNewest)
    {
        if (isNewest)
            Reserved = Math.Clamp(report.Reserved, 0, Granted);
        // What is not a use within the lease is no reason to charge less than was granted.
        var spent = Math.Clamp(report.Spent, Spent, Math.Max(Spent, Granted));
        var returned = Math.Clamp(report.Returned, Returned, Math.Max(Returned, Granted - spent));
        var debt = Math.Max(Debt, report.Debt);
        if ((spent, returned, debt) == (Spent, Returned, Debt) && report.IsClosed == IsClosed)
            return false;
        (Spent, Returned, Debt) = (spent, returned, debt);
        IsClosed |= report.IsClosed;
        return true;
    }

    /// <summary>R29. Its gateway is dead, and all that it served has been metered: what was metered is what was used. False if it was
    /// closed by a report.</summary>
    public bool CloseAsMetered()
    {
        if (IsClosed)
            return false;
        Spent = Math.Max(Spent, Math.Min(Metered, Granted - Returned));
        Debt = Math.Max(Debt, Metered - Spent);
        return IsClosed = true;
    }
}
