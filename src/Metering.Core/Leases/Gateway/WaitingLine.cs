using System.Diagnostics.CodeAnalysis;

namespace Metering.Core.Leases.Gateway;

/// <summary>The requests that wait: each stands in the line of each of its accounts, and holds nothing. Under the book's lock.</summary>
internal sealed class WaitingLine
{
    private readonly Queue<BookAccount> _changed = new();
    private List<LeaseWaiter>? _done;

    /// <summary>False: a line is full.</summary>
    public bool TryEnter(LeaseWaiter waiter, int most)
    {
        foreach (var need in waiter.Needs)
        {
            if (need.Account.Waiters.Count >= most)
                return false;
        }
        foreach (var need in waiter.Needs)
        {
            if (!need.Account.Waiters.Contains(waiter))
                need.Account.Waiters.Add(waiter);
        }
        return true;
    }

    /// <summary>Somebody may be served there.</summary>
    public void Changed(BookAccount account)
    {
        if (account.Waiters.Count > 0)
            _changed.Enqueue(account);
    }

    public bool TryNext([NotNullWhen(true)] out BookAccount? account) => _changed.TryDequeue(out account);

    /// <summary>Ends its waiting. Those behind it may be next.</summary>
    public void Finish(LeaseWaiter waiter, WaitOutcome outcome, LeaseReservation? reservation = null)
    {
        (waiter.Outcome, waiter.Reservation) = (outcome, reservation);
        foreach (var need in waiter.Needs)
        {
            if (need.Account.Waiters.Remove(waiter))
                Changed(need.Account);
        }
        (_done ??= []).Add(waiter);
    }

    public void TimeOut(BookAccount account, long now)
    {
        for (var i = account.Waiters.Count - 1; i >= 0; i--)
        {
            if (account.Waiters[i].Deadline <= now)
                Finish(account.Waiters[i], WaitOutcome.TimedOut);
        }
    }

    public void Refuse(BookAccount account, Func<LeaseWaiter, bool> isInVain)
    {
        for (var i = account.Waiters.Count - 1; i >= 0; i--)
        {
            if (isInVain(account.Waiters[i]))
                Finish(account.Waiters[i], WaitOutcome.Refused);
        }
    }

    /// <summary>Those whose waiting has ended and who have not been told.</summary>
    public List<LeaseWaiter>? TakeDone()
    {
        var done = _done;
        _done = null;
        return done;
    }
}
