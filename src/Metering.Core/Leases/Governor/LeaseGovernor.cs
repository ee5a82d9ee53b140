namespace Metering.Core.Leases.Governor;

/// <summary>
/// The governor's side of hard limits: all hard accounts of the scopes of one partition. It takes limits, un-leased usage and
/// the gateways' requests as they come, and decides at each commit; what it decides and what has changed of its state go into
/// the same transaction. No clock, no I/O; single-threaded. docs/leases.md says what holds and why.
/// </summary>
public sealed class LeaseGovernor
{
    private readonly LeaseGovernorOptions _options;
    private readonly Versions _versions;
    private readonly Sharing _sharing;
    private readonly SafeShares _safeShares;
    private readonly Dictionary<AccountKey, GovernedAccount> _accounts = [];
    private readonly Dictionary<string, GovernedLease> _leases = new(StringComparer.Ordinal);
    private readonly EndedGateways _ended = new();
    private readonly HashSet<GovernedAccount> _toDecide = [];
    private readonly List<GovernedAccount> _deciding = [];
    private readonly PriorityQueue<GovernedAccount, long> _due = new();
    private readonly StateChanges _changes = new();
    private long _savedNowMicros;

    /// <param name="name">Part of its leases' ids: the partition. No two governors that live at one time have the same.</param>
    /// <param name="options">Times; null = the defaults.</param>
    public LeaseGovernor(string name, LeaseGovernorOptions? options = null)
    {
        _options = options ?? new();
        _versions = new Versions(name);
        _sharing = new Sharing(_options);
        _safeShares = new SafeShares(_options, _versions, _changes);
    }

    /// <summary>R27: the greatest of its clock, the last in restored state, and its input's LogAppendTime. Unix µs.</summary>
    public long NowMicros => _versions.NowMicros;

    /// <summary>The greatest version that was given (R24).</summary>
    public long LastVersion => _versions.Last;

    /// <summary>R29. Somebody waits for what the next commit decides or publishes: commit at once.</summary>
    public bool IsUrgent { get; private set; }

    /// <summary>Accounts that are remembered.</summary>
    public int Accounts => _accounts.Count;

    /// <summary>An input record's LogAppendTime.</summary>
    public void Arrived(long logAppendMicros) => _versions.Observe(logAppendMicros);

    /// <summary>All hard limits of an account from now on; none = it is not limited any more. What its windows have been charged
    /// stays (R30).</summary>
    public void SetLimits(AccountKey key, IReadOnlyList<HardLimit> limits)
    {
        if (limits.Count == 0 && !_accounts.ContainsKey(key))
            return;
        var account = Account(key);
        account.SetLimits(limits);
        _toDecide.Add(account);
    }

    /// <summary>Metered usage that bears no lease id (R23), in the window that admitted it; of a window that has been dropped, it
    /// could change nothing.</summary>
    /// <param name="admittedAtMicros">Unix µs; what lies ahead of now counts now.</param>
    public void AddUnleased(AccountKey key, long admittedAtMicros, long amount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        if (!_accounts.TryGetValue(key, out var account))
            return;
        var at = account.WindowAt(Math.Min(admittedAtMicros, NowMicros));
        if (account.Find(at.Id) is null && at.EndMicros <= NowMicros)
            return;
        var window = account.Open(at);
        window.Unleased = Saturating.Add(window.Unleased, amount);
        _changes.Changed(window);
        _toDecide.Add(account);
    }

    /// <summary>R29. A metered event bears the lease and says what it paid; of one that is settled, its gateway has said so itself.</summary>
    public void AddMetered(string leaseId, long amount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        if (!_leases.TryGetValue(leaseId, out var lease))
            return;
        lease.Metered = Saturating.Add(lease.Metered, amount);
        _changes.Changed(lease);
    }

    /// <summary>R29, R4. A gateway instance is dead, its journal has been recovered, and all that it let go has been metered, as far as
    /// <see cref="AddMetered"/> was told: its leases are settled by that. It gets no lease any more, whatever still comes in its name.</summary>
    public void EndGateway(string gateway)
    {
        _ended.Add(gateway, NowMicros);
        foreach (var lease in _leases.Values)
        {
            if (!string.Equals(lease.Gateway, gateway, StringComparison.Ordinal) || !lease.CloseAsMetered())
                continue;
            _changes.Changed(lease);
            _toDecide.Add(_accounts[lease.Window.Account]);
            IsUrgent = true; // what it had is free
        }
        foreach (var account in _accounts.Values)
            account.Asks.Remove(gateway);
    }

    /// <summary>A gateway's request; repeated, doubled, late or reordered ones do no harm (R25).</summary>
    public void Apply(LeaseRequest request)
    {
        if (!_accounts.TryGetValue(request.Account, out var account))
            return;
        if (_ended.Contains(request.Gateway))
            return; // late: what it had is settled
        if (!account.Asks.TryGetValue(request.Gateway, out var ask))
            account.Asks.Add(request.Gateway, ask = new GatewayAsk(request.Gateway));
        var isNewest = ask.Take(request);
        foreach (var report in request.Leases)
            Apply(account, request.Gateway, report, isNewest);
        IsUrgent |= isNewest && request.Must > 0;
        _toDecide.Add(account);
    }

    /// <summary>Decides what is to be decided, at a commit.</summary>
    /// <param name="clockMicros">The clock, Unix µs; it may jump.</param>
    public void Decide(long clockMicros, ILeaseOutput output)
    {
        _versions.Observe(clockMicros);
        _ended.Drop(NowMicros - Micros(_options.WriteOffAfter));
        IsUrgent = false;
        while (_due.TryPeek(out var due, out var at) && at <= NowMicros)
        {
            _due.Dequeue();
            if (due.DueMicros == at)
                _toDecide.Add(due);
        }
        _deciding.AddRange(_toDecide);
        _toDecide.Clear();
        foreach (var account in _deciding)
            Decide(account, clockMicros, output);
        _deciding.Clear();
    }

    /// <summary>What has changed since the last call: absolute values by key; an empty value is a tombstone.</summary>
    public void SaveTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        // The clock goes with whatever was decided by it, and each second for the sake of a successor.
        if (_changes.Any || NowMicros - _savedNowMicros >= 1_000_000)
        {
            new StateRecord(save).SaveClock(NowMicros, LastVersion);
            _savedNowMicros = NowMicros;
        }
        _changes.SaveTo(save);
    }

    /// <summary>All of the state; what is still to be saved stays so.</summary>
    public void SaveAllTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        var record = new StateRecord(save);
        record.SaveClock(NowMicros, LastVersion);
        foreach (var account in _accounts.Values)
        {
            foreach (var window in account.Windows.Values)
            {
                record.Save(window);
                foreach (var lease in window.Leases.Values)
                    record.Save(lease);
            }
            foreach (var seat in account.Seats.Values)
                record.Save(seat);
        }
    }

    /// <summary>True if the key is one of this state's records.</summary>
    public static bool IsKey(ReadOnlySpan<byte> key) => key.Length >= 2 && key[0] == LeaseStateCodec.KeyTag;

    /// <summary>Takes one saved record, before any input; the records come in any order, each key once.</summary>
    /// <exception cref="InvalidDataException">It is not one of ours, or damaged.</exception>
    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!IsKey(key))
            throw new InvalidDataException($"not a lease state: a key of {key.Length} bytes");
        if (key[1] == LeaseStateCodec.ClockKind)
            _versions.Restore(LeaseStateCodec.BeginValue(value));
        else
            _toDecide.Add(LeaseStateReader.Restore(key, value, Account, _leases));
    }

    /// <summary>How an account stands in its current window; null = it is not known.</summary>
    public AccountFigures? Figures(AccountKey key) =>
        _accounts.TryGetValue(key, out var account) ? account.Figures(account.WindowAt(NowMicros), NowMicros) : null;

    /// <summary>For tests: the account's leases that are not settled.</summary>
    internal IEnumerable<GovernedLease> LeasesOf(AccountKey key) =>
        _accounts.TryGetValue(key, out var account) ? account.Windows.Values.SelectMany(static window => window.Leases.Values) : [];

    private GovernedAccount Account(AccountKey key)
    {
        if (!_accounts.TryGetValue(key, out var account))
            _accounts.Add(key, account = new GovernedAccount(key));
        return account;
    }

    private void Apply(GovernedAccount account, string gateway, in LeaseReport report, bool isNewest)
    {
        if (account.Seats.TryGetValue(report.LeaseId, out var seat) && seat.Gateway == gateway)
        {
            _safeShares.TakeDebt(account, seat, report);
            return;
        }
        // One that is not there any more is settled: its tombstone is on its way.
        if (account.Find(report.WindowId) is not { } window || !window.Leases.TryGetValue(report.LeaseId, out var lease) || lease.Gateway != gateway)
            return;
        var returnedBefore = lease.Returned;
        if (!lease.Take(report, isNewest))
            return;
        IsUrgent |= lease.IsRecalled && lease.Returned > returnedBefore;
        _changes.Changed(lease);
    }

    private void Decide(GovernedAccount account, long clockMicros, ILeaseOutput output)
    {
        foreach (var ask in account.Asks.Values)
        {
            ask.Decided(clockMicros);
            if (!ask.IsHeard(clockMicros, Micros(_options.WantLife)))
                account.Asks.Remove(ask.Gateway);
        }
        Settle(account, output);
        if (account.Limit is not null)
        {
            var current = account.WindowAt(NowMicros);
            Share(account, current, isNext: false, clockMicros, output);
            var next = account.WindowAt(current.EndMicros);
            if (current.EndMicros - NowMicros <= Math.Min(Micros(_options.NextWindowLead), (current.EndMicros - current.BeginMicros) / 2))
                Share(account, next, isNext: true, clockMicros, output);
            _safeShares.Give(account, current.Id, next.Id, output);
        }
        foreach (var ask in account.Asks.Values)
        {
            if (_sharing.IsWaiting(ask, clockMicros))
                _toDecide.Add(account);
        }
        Plan(account);
    }

    /// <summary>Leases that are reported to their end, or not in time, become final; windows and shares that nothing needs are dropped.</summary>
    private void Settle(GovernedAccount account, ILeaseOutput output)
    {
        var writeOff = Micros(_options.WriteOffAfter);
        for (var i = account.Windows.Count - 1; i >= 0; i--)
        {
            var window = account.Windows.Values[i];
            foreach (var lease in window.Leases.Values)
            {
                if (!lease.IsClosed && NowMicros - lease.ExpiresAtMicros < writeOff)
                    continue;
                window.Settle(lease);
                _leases.Remove(lease.Id);
                _changes.Changed(window);
                _changes.Removed(lease);
                output.Settle(new LeaseTombstone(account.Key, lease.Policy, lease.Gateway, lease.Id));
            }
            if (window.Window.EndMicros > NowMicros || window.Leases.Count > 0)
                continue;
            account.Windows.RemoveAt(i);
            _changes.Removed(window);
        }
        _safeShares.Drop(account, output);
    }

    private void Share(GovernedAccount account, in Windows.LimitWindow at, bool isNext, long clockMicros, ILeaseOutput output)
    {
        // Whole milliseconds, so that no lease lives a part of one longer than was meant.
        var (opensInMs, endsInMs) = (isNext ? (at.BeginMicros - NowMicros + 999) / 1000 : 0, (at.EndMicros - NowMicros) / 1000);
        var ttlMs = Math.Min(endsInMs, opensInMs + (long)_options.LeaseTtl.TotalMilliseconds);
        if (ttlMs <= opensInMs)
            return;
        _sharing.Share(account, account.Find(at.Id), account.Left(at.Id), isNext, NowMicros, clockMicros);
        foreach (var lease in _sharing.Recalled)
            Recall(account, lease, clockMicros, output);
        foreach (var ask in _sharing.Asks)
        {
            if (ask.Granting > 0)
                Grant(account, account.Open(at), ask, opensInMs, ttlMs, output);
        }
        foreach (var ask in _sharing.Refused)
        {
            var figures = account.Figures(at, NowMicros);
            output.Refuse(new LeaseRefusal(account.Key, figures.Policy, ask.Gateway, _versions.Next(), at.Id, ask.Number, figures.ResetsInMs) { Figures = figures });
        }
    }

    private void Grant(GovernedAccount account, AccountWindow window, GatewayAsk ask, long opensInMs, long ttlMs, ILeaseOutput output)
    {
        var version = _versions.Next();
        var lease = new GovernedLease(window, _versions.LeaseId(version), ask.Gateway, account.Limit!.Value.Policy, ask.Granting)
        {
            Version = version,
            Answers = ask.Number,
            ExpiresAtMicros = NowMicros + (ttlMs * 1000),
            TtlMs = ttlMs,
        };
        window.Leases.Add(lease.Id, lease);
        _leases.Add(lease.Id, lease);
        _changes.Changed(window);
        _changes.Changed(lease);
        output.Grant(Publish(account, lease, opensInMs));
    }

    private void Recall(GovernedAccount account, GovernedLease lease, long clockMicros, ILeaseOutput output)
    {
        (lease.IsRecalled, lease.RecalledAtClock, lease.Version) = (true, clockMicros, _versions.Next());
        _changes.Changed(lease);
        output.Grant(Publish(account, lease, 0));
    }

    private LeaseGrant Publish(GovernedAccount account, GovernedLease lease, long opensInMs) =>
        new(account.Key, lease.Policy, lease.Gateway, lease.Id, lease.Version, lease.Granted, lease.Window.Window.Id, opensInMs, lease.TtlMs, lease.IsRecalled, lease.Answers)
        {
            Figures = account.Figures(lease.Window.Window, NowMicros),
        };

    /// <summary>When the account is to be looked at again though nothing comes.</summary>
    private void Plan(GovernedAccount account)
    {
        var due = long.MaxValue;
        foreach (var window in account.Windows.Values)
        {
            if (window.Window.EndMicros > NowMicros)
                due = Math.Min(due, window.Window.EndMicros);
            foreach (var lease in window.Leases.Values)
                due = Math.Min(due, lease.ExpiresAtMicros + Micros(_options.WriteOffAfter));
        }
        foreach (var seat in account.Seats.Values)
            due = Math.Min(due, account.WindowAt(Math.Max(seat.UntilMicros, NowMicros) - 1).EndMicros);
        if (account.Asks.Count > 0)
            due = Math.Min(due, NowMicros + Micros(_options.WantLife));
        if (account.IsEmpty && !_toDecide.Contains(account) && _accounts.GetValueOrDefault(account.Key) == account)
            _accounts.Remove(account.Key);
        // An earlier one stays: it then finds this one.
        if (due < long.MaxValue && (due < account.DueMicros || account.DueMicros <= NowMicros))
            _due.Enqueue(account, account.DueMicros = due);
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
