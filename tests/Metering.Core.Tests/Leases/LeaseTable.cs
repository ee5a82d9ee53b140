using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Leases.Governor;

namespace Metering.Core.Tests.Leases;

/// <summary>A governor and some gateways at one table: no delay but the commit interval, no faults but those that a test makes.</summary>
internal sealed class LeaseTable : ILeaseOutput
{
    /// <summary>2026-11-10 12:00:00, in µs.</summary>
    public const long Noon = 1_794_312_000_000_000;

    private readonly List<LeaseRequest> _requests = [];
    private readonly List<object> _decided = [];

    public LeaseTable(int gateways, LeaseGovernorOptions? governor = null, LeaseBookOptions? book = null)
    {
        GovernorOptions = governor;
        Governor = new LeaseGovernor("0", governor);
        Books = [.. Enumerable.Range(0, gateways).Select(i => new LeaseBook($"gw{i}", book))];
        Governor.Arrived(Noon);
    }

    public LeaseGovernorOptions? GovernorOptions { get; }

    public LeaseGovernor Governor { get; private set; }

    public LeaseBook[] Books { get; }

    /// <summary>Since noon, µs: the gateways' monotonic clock, and the governor's.</summary>
    public long Now { get; private set; }

    public bool IsHeartbeatLost { get; set; }

    public bool IsRequestLost { get; set; }

    /// <summary>All that the governor has decided.</summary>
    public List<object> Control { get; } = [];

    public Dictionary<string, (byte[] Key, byte[] Value)> State { get; } = new(StringComparer.Ordinal);

    public IEnumerable<LeaseGrant> Grants => Control.OfType<LeaseGrant>();

    /// <summary>Time passes: requests are collected each 10 ms, decisions committed each 50.</summary>
    public void Pass(long milliseconds)
    {
        for (var end = Now + (milliseconds * 1000); Now < end;)
        {
            Now += 10_000;
            foreach (var book in Books)
                book.Collect(Now, _requests);
            if (!IsRequestLost)
                _requests.ForEach(Governor.Apply);
            _requests.Clear();
            if (Now % 50_000 == 0)
                Commit();
        }
    }

    public void Commit()
    {
        Governor.Decide(Noon + Now, this);
        Governor.SaveTo((key, value) =>
        {
            if (value.Length == 0)
                State.Remove(Convert.ToHexString(key));
            else
                State[Convert.ToHexString(key)] = (key.ToArray(), value.ToArray());
        });
        Control.AddRange(_decided);
        foreach (var book in Books)
        {
            if (!IsHeartbeatLost)
                book.Heard(0, Governor.NowMicros, Now);
            foreach (var record in _decided)
                Hear(book, record);
        }
        _decided.Clear();
    }

    public void Hear(LeaseBook book, object record)
    {
        if (record is LeaseGrant grant)
            book.Apply(grant, Now);
        else if (record is LeaseTombstone tombstone)
            book.Apply(tombstone);
        else if (record is LeaseRefusal refusal)
            book.Apply(refusal, Now);
    }

    /// <summary>A takeover: another governor goes on from what was committed.</summary>
    public void FailOver(params (AccountKey Account, HardLimit Limit)[] limits)
    {
        Governor = new LeaseGovernor("0", GovernorOptions);
        foreach (var (key, value) in State.Values.Reverse())
            Governor.Restore(key, value);
        foreach (var (account, limit) in limits)
            Governor.SetLimits(account, [limit]);
    }

    /// <summary>Reserves, waiting up to a second for it.</summary>
    public LeaseReservation? Reserve(LeaseBook book, params LeaseNeed[] needs)
    {
        if (book.Reserve(needs, Now, out var reservation) != ReserveResult.Short)
            return reservation;
        var waiter = book.Wait(needs, Now, Now + 1_000_000, static _ => { });
        while (waiter.Outcome == WaitOutcome.Waiting)
            Pass(10);
        return waiter.Reservation;
    }

    void ILeaseOutput.Grant(LeaseGrant grant) => _decided.Add(grant);

    void ILeaseOutput.Settle(LeaseTombstone tombstone) => _decided.Add(tombstone);

    void ILeaseOutput.Refuse(LeaseRefusal refusal) => _decided.Add(refusal);
}
