namespace Metering.Core.Leases.Gateway;

/// <summary>How waiting for a reservation ended.</summary>
public enum WaitOutcome
{
    Waiting,

    /// <summary><see cref="LeaseWaiter.Reservation"/> is there, and to be settled.</summary>
    Reserved,

    /// <summary>As <see cref="ReserveResult.Refused"/>.</summary>
    Refused,

    /// <summary>Its deadline has passed.</summary>
    TimedOut,

    /// <summary>As <see cref="ReserveResult.Closed"/>.</summary>
    Closed,

    /// <summary>Too many wait already.</summary>
    Full,

    /// <summary>The caller gave up.</summary>
    Cancelled,
}

/// <summary>A request that waits, holding nothing (R29). Its callback is called once, outside the book's lock, by the thread that
/// brought what it waited for; it must not block.</summary>
public sealed class LeaseWaiter
{
    private readonly LeaseNeed[] _needs;
    private readonly Action<LeaseWaiter> _whenDone;

    internal LeaseWaiter(LeaseNeed[] needs, long now, long deadline, long sinceMicros, Action<LeaseWaiter> whenDone) =>
        (_needs, EnqueuedAt, Deadline, SinceMicros, _whenDone) = (needs, now, deadline, sinceMicros, whenDone);

    public WaitOutcome Outcome { get; internal set; }

    public LeaseReservation? Reservation { get; internal set; }

    internal ReadOnlySpan<LeaseNeed> Needs => _needs;

    internal long EnqueuedAt { get; }

    internal long Deadline { get; }

    /// <summary>By the governors' time as the book knows it: its turn among all gateways' requests.</summary>
    internal long SinceMicros { get; }

    internal long NeedOn(BookAccount account)
    {
        var sum = 0L;
        foreach (var need in _needs)
        {
            if (need.Account == account)
                sum = Saturating.Add(sum, need.Amount);
        }
        return sum;
    }

    internal void Tell() => _whenDone(this);
}
