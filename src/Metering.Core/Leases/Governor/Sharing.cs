namespace Metering.Core.Leases.Governor;

/// <summary>
/// Shares what is left of one window among the gateways that ask. First turns: the request that has waited longest anywhere gets
/// its whole need, from what is left or by recalling what others hold unused; all governors see the same order, so that two
/// requests that need two accounts never take one each and wait for the other (R29). Then what else waits, evenly. Then, if
/// nothing waits in vain, what gateways would like to hold, by halves, so that none takes the rest before the others ask.
/// </summary>
internal sealed class Sharing(LeaseGovernorOptions options)
{
    private readonly long _mustLife = Micros(options.MustLife);
    private readonly long _wantLife = Micros(options.WantLife);
    private readonly List<GatewayAsk> _asks = [];
    private readonly HashSet<string> _silent = new(StringComparer.Ordinal);

    public List<GovernedLease> Recalled { get; } = [];

    public List<GatewayAsk> Refused { get; } = [];

    /// <summary>Those whose <see cref="GatewayAsk.Granting"/> is above 0 are to be granted that.</summary>
    public IReadOnlyList<GatewayAsk> Asks => _asks;

    /// <summary>Decides on one window; the results stand in the three lists until the next call.</summary>
    public void Share(GovernedAccount account, AccountWindow? window, long left, bool isNext, long nowMicros, long clockMicros)
    {
        Recalled.Clear();
        Refused.Clear();
        Gather(account, window, nowMicros, clockMicros);
        if (!isNext)
        {
            if (!GiveTurns(window, ref left, nowMicros, clockMicros))
                return; // somebody waits for what is being recalled: nothing else is given away
            GiveEvenly(ref left, isMust: true, isNext, clockMicros);
        }
        // At most half of what is left, lest those who ask a moment later find nothing.
        var spare = left / 2;
        GiveEvenly(ref spare, isMust: false, isNext, clockMicros);
    }

    /// <summary>True if the gateway still waits: it is looked at again with each commit.</summary>
    public bool IsWaiting(GatewayAsk ask, long clockMicros) => ask.HasTurn(clockMicros, _mustLife);

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    private void Gather(GovernedAccount account, AccountWindow? window, long nowMicros, long clockMicros)
    {
        _asks.Clear();
        foreach (var ask in account.Asks.Values)
        {
            (ask.Free, ask.Reserved, ask.Leases, ask.Granting) = (0, 0, 0, 0);
            if (ask.IsHeard(clockMicros, _wantLife))
                _asks.Add(ask);
        }
        _asks.Sort(static (a, b) =>
        {
            var byAge = a.Request!.MustSinceMicros.CompareTo(b.Request!.MustSinceMicros);
            return byAge != 0 ? byAge : string.CompareOrdinal(a.Gateway, b.Gateway);
        });
        if (window is null)
            return;
        foreach (var lease in window.Leases.Values)
        {
            if (!account.Asks.TryGetValue(lease.Gateway, out var ask))
                continue;
            ask.Leases++;
            if (!lease.Admits(nowMicros))
                continue;
            ask.Free = Saturating.Add(ask.Free, lease.Free);
            ask.Reserved = Saturating.Add(ask.Reserved, lease.Reserved);
        }
    }

    /// <summary>False: one who waits must go on waiting, and those behind it with it.</summary>
    private bool GiveTurns(AccountWindow? window, ref long left, long nowMicros, long clockMicros)
    {
        foreach (var ask in _asks)
        {
            if (!ask.HasTurn(clockMicros, _mustLife) || ask.Leases >= options.MaxLeases)
                continue;
            var need = ask.Request!.MustFirst - ask.Free;
            if (need <= 0)
                continue;
            if (need > left && !IsLastResort(ask, need, left, window, nowMicros, clockMicros))
                return false;
            ask.Granting = Math.Min(need, left);
            left -= ask.Granting;
        }
        return true;
    }

    /// <summary>What is left is too little. True if there is nothing more to wait for, so that it gets the little there is.</summary>
    private bool IsLastResort(GatewayAsk ask, long need, long left, AccountWindow? window, long nowMicros, long clockMicros)
    {
        IReadOnlyCollection<GovernedLease> leases = window is null ? [] : window.Leases.Values;
        long coming = 0, obtainable = left;
        _silent.Clear();
        foreach (var other in _asks)
            obtainable = Saturating.Add(obtainable, other == ask ? 0 : other.Granting);
        foreach (var lease in leases)
        {
            if (lease.Gateway == ask.Gateway)
            {
                // What is free of what admits there is not needed any more.
                obtainable = Saturating.Add(obtainable, lease.Admits(nowMicros) ? lease.Reserved : lease.Held);
                continue;
            }
            if (lease.IsRecalled && lease.Free > 0)
            {
                if (IsYoung(lease.RecalledAtClock, clockMicros))
                    coming = Saturating.Add(coming, lease.Free);
                else
                    _silent.Add(lease.Gateway);
            }
            if (_asks.Exists(other => other.Gateway == lease.Gateway) || lease.Admits(nowMicros))
                obtainable = Saturating.Add(obtainable, lease.Held);
        }
        foreach (var lease in leases)
        {
            if (coming >= need - left)
                break;
            if (lease.Gateway == ask.Gateway || lease.Free == 0 || !lease.Admits(nowMicros) || _silent.Contains(lease.Gateway)
                || IsProtected(lease, ask, clockMicros))
            {
                continue;
            }
            Recalled.Add(lease);
            coming = Saturating.Add(coming, lease.Free);
        }
        if (coming > 0)
            return false;
        if (obtainable < need)
            Refuse(ask);
        return true;
    }

    /// <summary>What one who has waited longer is about to use is not taken from it.</summary>
    private bool IsProtected(GovernedLease lease, GatewayAsk forWhom, long clockMicros)
    {
        foreach (var owner in _asks)
        {
            if (owner == forWhom)
                return false; // the order of age: whoever comes later is younger
            if (owner.Gateway != lease.Gateway)
                continue;
            if (owner.HasTurn(clockMicros, _mustLife) && owner.Free - lease.Free < owner.Request!.MustFirst)
                return true;
            owner.Free -= lease.Free; // it is being recalled
            return false;
        }
        return false;
    }

    private void Refuse(GatewayAsk ask)
    {
        ask.Refused = ask.Number;
        Refused.Add(ask);
    }

    private bool IsYoung(long atClock, long clockMicros) => clockMicros >= atClock && clockMicros - atClock < _mustLife;

    /// <summary>Max-min fair: nobody gets more than one who wanted more.</summary>
    private void GiveEvenly(ref long left, bool isMust, bool isNext, long clockMicros)
    {
        var open = 0;
        foreach (var ask in _asks)
        {
            if (Wish(ask, isMust, isNext, clockMicros) > 0)
                open++;
        }
        // In rising order of wishes one pass is enough; there are as many passes as gateways at most, and few.
        while (open > 0 && left > 0)
        {
            var share = Math.Max(1, left / open);
            var given = 0L;
            open = 0;
            foreach (var ask in _asks)
            {
                var wish = Wish(ask, isMust, isNext, clockMicros);
                var part = Math.Min(Math.Min(wish, share), left);
                // A crumb of what it would like serves nobody there, and is missed where somebody waits.
                if (part <= 0 || (!isMust && ask.Granting == 0 && part < wish / 4))
                    continue;
                ask.Granting += part;
                left -= part;
                given += part;
                if (part < wish)
                    open++;
            }
            if (given == 0)
                return;
        }
    }

    private long Wish(GatewayAsk ask, bool isMust, bool isNext, long clockMicros)
    {
        var request = ask.Request!;
        if (ask.Leases >= options.MaxLeases)
            return 0;
        if (isMust)
            return ask.IsHeard(clockMicros, _mustLife) && ask.Refused < ask.Number ? Math.Max(0, request.Must - ask.Free - ask.Granting) : 0;
        var level = isNext ? request.WantNext : request.Want;
        var missing = level - ask.Free - ask.Reserved - ask.Granting;
        // A level that is nearly met is met: a lease for each small difference would be many leases.
        return ask.Granting > 0 || missing >= level / 4 ? Math.Max(0, missing) : 0;
    }
}
