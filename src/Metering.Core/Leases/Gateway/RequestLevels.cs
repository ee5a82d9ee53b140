using Metering.Core.Windows;

namespace Metering.Core.Leases.Gateway;

/// <summary>Decides what an account's next request states and whether it is to be sent now (R25). Under the book's lock.</summary>
internal sealed class RequestLevels
{
    private readonly SentLog _sent = new();
    private long _number;
    private long _sentAt = long.MinValue / 2;
    private LimitWindow _window;
    private int _unanswered;

    /// <summary>Something waits for it: a request of ours, or another gateway.</summary>
    public bool IsUrgent { get; set; }

    /// <summary>Below it, what is free is about to run out.</summary>
    public long LowMark { get; private set; }

    public long? SentAt(long number) => _sent.At(number);

    /// <summary>There was something for us.</summary>
    public void Answered() => _unanswered = 0;

    /// <summary>The request to be sent now; null = there is nothing to say yet.</summary>
    /// <param name="isIdle">Nobody has asked for the account in a while.</param>
    public LeaseRequest? Next(BookAccount account, string gateway, LeaseBookOptions options, bool isIdle, long now)
    {
        if (now - _sentAt < Micros(options.RequestSpacing))
            return null;
        var target = isIdle ? 0 : account.Use.Expected(now, options.Ahead);
        LowMark = target - (target / 2);
        var (must, first) = Waiting(account);
        var wantNext = IsNearEnd(account, options, now) ? Math.Max(target, must) : 0;
        if (!IsDue(account, options, must, wantNext, now))
            return null;
        (IsUrgent, _sentAt) = (false, now);
        _unanswered = Math.Min(_unanswered + 1, 3);
        _sent.Add(++_number, now);
        return new LeaseRequest(
            account.Key, gateway, _number, Saturating.Add(account.Reserved(isOfAll: false), Math.Max(target, must)), must, first,
            first > 0 ? account.Waiters[0].SinceMicros : 0, wantNext, Reports(account));
    }

    private bool IsDue(BookAccount account, LeaseBookOptions options, long must, long wantNext, long now)
    {
        if (IsUrgent)
            return true;
        var since = now - _sentAt;
        if (since < Micros(options.RepeatAfter))
            return false;
        if (must > 0)
            return true;
        // What is only a wish is repeated less and less often while there is nothing for it.
        if ((account.Free < LowMark || NextHeld(account, now) < wantNext - (wantNext / 2)) && since >= Micros(options.RepeatAfter) << _unanswered)
            return true;
        if (since < Micros(options.ReportAfter))
            return false;
        foreach (var lease in account.Leases)
        {
            // The end of a lease is repeated until the governor has settled it.
            if (lease.IsToReport || lease.IsRetired)
                return true;
        }
        return false;
    }

    private static (long Must, long First) Waiting(BookAccount account)
    {
        var must = 0L;
        foreach (var waiter in account.Waiters)
            must = Saturating.Add(must, waiter.NeedOn(account));
        return (must, account.Waiters.Count > 0 ? account.Waiters[0].NeedOn(account) : 0);
    }

    private static List<LeaseReport> Reports(BookAccount account)
    {
        var reports = new List<LeaseReport>(account.Leases.Count + 1);
        foreach (var lease in account.Leases)
        {
            reports.Add(lease.Report);
            lease.IsToReport = false;
        }
        if (account.Share?.DebtReport(account.ShareDebt) is { } debt)
            reports.Add(debt);
        return reports;
    }

    private static long NextHeld(BookAccount account, long now)
    {
        var sum = 0L;
        foreach (var lease in account.Leases)
        {
            if (lease.OpensAt > now)
                sum += lease.Amount;
        }
        return sum;
    }

    private bool IsNearEnd(BookAccount account, LeaseBookOptions options, long now)
    {
        if (!account.Clock.IsKnown)
            return false;
        var governorMicros = account.Clock.Estimate(now);
        if (!_window.Contains(governorMicros))
            _window = LimitWindow.At(governorMicros, account.Key.Per, account.Zone);
        return _window.EndMicros - governorMicros <= Math.Min(Micros(options.NextWindowLead), (_window.EndMicros - _window.BeginMicros) / 2);
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
