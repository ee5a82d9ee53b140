using Metering.Core.Policies;

namespace Metering.Core.Leases.Gateway;

/// <summary>
/// The leases of one gateway instance: it reserves each request's worst case on all its accounts at once (R29), and settles it with what
/// was used. No clock and no I/O: <c>now</c> is always a monotonic timestamp in µs, of one clock (R27).
/// All members are thread-safe: request threads reserve and settle while one thread brings the control topic and one sends what
/// <see cref="Collect"/> gives. One lock, held for the time of a few additions; callbacks are called outside it.
/// </summary>
public sealed class LeaseBook
{
    private readonly Lock _lock = new();
    private readonly string _gateway;
    private readonly Action? _wake;
    private readonly LeaseBookOptions _options;
    private readonly Dictionary<AccountKey, BookAccount> _accounts = [];
    private readonly Dictionary<int, PartitionClock> _clocks = [];
    private readonly GrantedLeases _granted = new();
    private readonly List<BookAccount> _active = [];
    private readonly WaitingLine _line;
    private readonly Holdings _holdings;
    private long _lastSinceMicros;
    private bool _isClosed;

    /// <param name="gateway">The instance, random per process start (R25): leases of others, and of its former self, are not taken.</param>
    /// <param name="options">Times; null = the defaults.</param>
    /// <param name="wake">Called, outside the lock, when <see cref="Collect"/> has something to send at once; it must not block.</param>
    public LeaseBook(string gateway, LeaseBookOptions? options = null, Action? wake = null)
    {
        (_gateway, _options, _wake) = (gateway, options ?? new(), wake);
        _line = new WaitingLine();
        _holdings = new Holdings(_options, _line);
    }

    /// <summary>The account's handle; what is known of it stays, the rules are set.</summary>
    public BookAccount Account(in AccountKey key, in AccountRules rules)
    {
        lock (_lock)
        {
            var account = Find(key);
            (account.Rules, account.Clock) = (rules, Clock(rules.Partition));
            return account;
        }
    }

    /// <summary>A heartbeat, or any decision, of a partition's governor (R30).</summary>
    public void Heard(int partition, long decidedAtMicros, long now)
    {
        lock (_lock)
            Clock(partition).Heard(decidedAtMicros, now);
    }

    /// <summary>True if control of the account is lost: what it does then is its policy's.</summary>
    public bool IsControlLost(BookAccount account, long now)
    {
        lock (_lock)
            return _holdings.IsLost(account, now);
    }

    /// <summary>Reserves all needs, or none. It does not overtake who waits.</summary>
    public ReserveResult Reserve(ReadOnlySpan<LeaseNeed> needs, long now, out LeaseReservation? reservation)
    {
        var (result, isToWake) = (ReserveResult.Reserved, false);
        lock (_lock)
        {
            foreach (var need in needs)
            {
                ArgumentOutOfRangeException.ThrowIfNegative(need.Amount, nameof(needs));
                need.Account.Use.Add(need.Amount, now);
                Activate(need.Account);
            }
            result = _holdings.Check(needs, null, now);
            reservation = result == ReserveResult.Reserved ? _holdings.Take(needs, now) : null;
            isToWake = TakeWake();
        }
        if (isToWake)
            _wake?.Invoke();
        return result;
    }

    /// <summary>Waits, after <see cref="Reserve"/> said <see cref="ReserveResult.Short"/>: in the order of arrival, holding nothing.</summary>
    /// <param name="deadline">On the same clock as <paramref name="now"/>.</param>
    /// <param name="whenDone">Called once; perhaps before this returns.</param>
    public LeaseWaiter Wait(ReadOnlySpan<LeaseNeed> needs, long now, long deadline, Action<LeaseWaiter> whenDone)
    {
        LeaseWaiter waiter;
        lock (_lock)
        {
            _lastSinceMicros = Math.Max(_lastSinceMicros + 1, _clocks.Values.Max(clock => (long?)clock.Estimate(now)) ?? 0);
            waiter = new LeaseWaiter(needs.ToArray(), now, deadline, _lastSinceMicros, whenDone);
            var result = _holdings.Check(needs, null, now);
            if (result == ReserveResult.Reserved)
                _line.Finish(waiter, WaitOutcome.Reserved, _holdings.Take(needs, now));
            else if (result != ReserveResult.Short)
                _line.Finish(waiter, result == ReserveResult.Closed ? WaitOutcome.Closed : WaitOutcome.Refused);
            else if (!_line.TryEnter(waiter, _options.MaxWaiters))
                _line.Finish(waiter, WaitOutcome.Full);
            else
                Ask(waiter);
        }
        Tell();
        return waiter;
    }

    /// <summary>Gives up waiting; too late, if it is done already.</summary>
    public void Cancel(LeaseWaiter waiter, long now)
    {
        lock (_lock)
        {
            if (waiter.Outcome == WaitOutcome.Waiting)
                _line.Finish(waiter, WaitOutcome.Cancelled);
            _holdings.Serve(now);
        }
        Tell();
    }

    /// <summary>How much could be reserved on the account at this moment, by one who has not waited: for a call that is to be made smaller.
    /// <see cref="long.MaxValue"/> = its limit is waived.</summary>
    public long Available(BookAccount account, long now)
    {
        lock (_lock)
        {
            if (_holdings.IsLost(account, now) && account.Rules.WhenControlIsLost is LostControl.Open or LostControl.Closed)
                return account.Rules.WhenControlIsLost == LostControl.Open ? long.MaxValue : 0;
            return Math.Max(0, _holdings.Capacity(account, now) - Holdings.Ahead(account, null));
        }
    }

    /// <summary>Ends a reservation with what was used on each of its accounts, in their order; the rest is free at once. What is above
    /// the reservation is taken from what is free, else it is a debt (R28). Returns the sum of debts: above 0, an alarm.</summary>
    /// <exception cref="InvalidOperationException">It is settled already.</exception>
    public long Settle(LeaseReservation reservation, ReadOnlySpan<long> used, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(used.Length, reservation.Accounts, nameof(used));
        var debts = 0L;
        lock (_lock)
        {
            if (reservation.IsSettled)
                throw new InvalidOperationException("the reservation is settled already");
            reservation.IsSettled = true;
            for (var i = 0; i < used.Length; i++)
                debts = Saturating.Add(debts, _holdings.Settle(reservation, i, used[i], now));
            _holdings.Serve(now);
        }
        Tell();
        return debts;
    }

    /// <summary>A grant or a recall from control; repeated, late and reordered ones do no harm.</summary>
    public void Apply(LeaseGrant grant, long now)
    {
        if (grant.Gateway != _gateway)
            return;
        lock (_lock)
        {
            var account = Find(grant.Account);
            account.Learn(grant.Figures, grant.Version);
            if (grant.SafeShareUntilMicros is { } until)
                account.TakeShare(grant, until);
            else
                TakeGrant(account, grant, now);
            _line.Changed(account);
            _holdings.Serve(now);
        }
        Tell();
    }

    /// <summary>A lease is settled.</summary>
    public void Apply(LeaseTombstone tombstone)
    {
        if (tombstone.Gateway != _gateway)
            return;
        lock (_lock)
        {
            if (!_granted.TryForget(tombstone.LeaseId) && _accounts.TryGetValue(tombstone.Account, out var account) && account.Share?.Id == tombstone.LeaseId)
                account.Share = null;
        }
    }

    /// <summary>Nothing more is to be had in this window: who needs more than is in hand waits in vain.</summary>
    public void Apply(LeaseRefusal refusal, long now)
    {
        if (refusal.Gateway != _gateway)
            return;
        lock (_lock)
        {
            var account = Find(refusal.Account);
            account.Learn(refusal.Figures, refusal.Version);
            account.Advance(now);
            if (refusal.Version <= account.RefusalVersion || refusal.WindowId < account.WindowId || account.Levels.SentAt(refusal.Answers) is not { } sentAt)
                return;
            account.RefusalVersion = refusal.Version;
            account.RefusedUntil = now + Math.Min(refusal.RetryAfterMs * 1000, Micros(_options.RefusalHolds));
            var atMost = _holdings.AtMost(account, now);
            _line.Refuse(account, waiter => waiter.EnqueuedAt <= sentAt && waiter.NeedOn(account) > atMost);
            _holdings.Serve(now);
        }
        Tell();
    }

    /// <summary>What is to be sent now, one request an account at most; ends the waiting of those whose deadline has passed. Call it
    /// when woken, and every 10 ms or so.</summary>
    public void Collect(long now, ICollection<LeaseRequest> into)
    {
        lock (_lock)
        {
            for (var i = _active.Count - 1; i >= 0; i--)
            {
                var account = _active[i];
                account.Advance(now);
                _line.TimeOut(account, now);
                _line.Changed(account); // a lease of the next window may have opened, and nothing else tells who waits
                var isIdle = account.Waiters.Count == 0 && (_isClosed || now - account.Use.LastAt > Micros(_options.IdleAfter));
                if (isIdle)
                    account.ReturnAll(now);
                if (account.Levels.Next(account, _gateway, _options, isIdle, now) is { } request)
                    into.Add(request);
                if (isIdle && account.Leases.Count == 0)
                {
                    account.IsActive = false;
                    _active[i] = _active[^1];
                    _active.RemoveAt(_active.Count - 1);
                }
            }
            _granted.DropExpired(now);
            _holdings.Serve(now);
        }
        Tell();
    }

    /// <summary>Before the process ends: what no request holds is returned, and nothing is asked for any more. The requests that
    /// <see cref="Collect"/> gives until the last reservation is settled, and once after it, say so.</summary>
    public void Close(long now)
    {
        lock (_lock)
        {
            _isClosed = true;
            foreach (var account in _active)
            {
                account.ReturnAll(now);
                account.Levels.IsUrgent = true;
            }
        }
    }

    /// <summary>The account's figures as the governor last said them; null = it has not.</summary>
    public AccountFigures? Figures(BookAccount account)
    {
        lock (_lock)
            return account.Figures;
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    private BookAccount Find(in AccountKey key)
    {
        if (!_accounts.TryGetValue(key, out var account))
            _accounts.Add(key, account = new BookAccount(key));
        return account;
    }

    private PartitionClock Clock(int partition)
    {
        if (!_clocks.TryGetValue(partition, out var clock))
            _clocks.Add(partition, clock = new PartitionClock());
        return clock;
    }

    private void Activate(BookAccount account)
    {
        if (account.IsActive)
            return;
        account.IsActive = true;
        _active.Add(account);
    }

    private void TakeGrant(BookAccount account, LeaseGrant grant, long now)
    {
        if (_granted.Take(account, grant, now, out var isNew) is not { } lease)
            return;
        if (isNew)
            Activate(account);
        if (grant.IsRecalled && !lease.IsForgotten)
        {
            lease.IsRecalled = true;
            lease.Retire();
            (account.Levels.IsUrgent, _holdings.IsToWake) = (true, true);
        }
        account.Touch();
        account.Advance(now);
    }

    private void Ask(LeaseWaiter waiter)
    {
        _holdings.IsToWake = true;
        foreach (var need in waiter.Needs)
        {
            need.Account.Levels.IsUrgent = true;
            Activate(need.Account);
        }
    }

    private bool TakeWake()
    {
        var isToWake = _holdings.IsToWake;
        _holdings.IsToWake = false;
        return isToWake;
    }

    private void Tell()
    {
        var (isToWake, done) = (false, default(List<LeaseWaiter>));
        lock (_lock)
            (isToWake, done) = (TakeWake(), _line.TakeDone());
        if (isToWake)
            _wake?.Invoke();
        if (done is null)
            return;
        foreach (var waiter in done)
            waiter.Tell();
    }
}
