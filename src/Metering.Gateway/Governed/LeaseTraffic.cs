using Metering.Client;
using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Events;
using LeaseRequest = Metering.Core.Leases.LeaseRequest;

namespace Metering.Gateway.Governed;

/// <summary>
/// Carries what the book of leases wants to the governors (<c>lease-requests</c>, keyed by scope), and what they grant to the book.
/// Nothing here is exact by itself: requests state levels and are said again until they are answered (R25).
/// </summary>
internal sealed class LeaseTraffic
{
    private readonly LeaseRequestSender _sender;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly List<LeaseRequest> _requests = [];

    public LeaseTraffic(LeaseBook book, LeaseRequestSender sender, TimeProvider time) =>
        (Book, _sender, _time, _origin) = (book, sender, time, time.GetTimestamp());

    public LeaseBook Book { get; }

    /// <summary>The book's clock: monotonic µs of this process.</summary>
    public long Now => _time.GetElapsedTime(_origin).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>A heartbeat or a grant, on the control reader's thread.</summary>
    public void Hear(int partition, Decision decision, bool isTakenBack)
    {
        var now = Now;
        if (!isTakenBack)
            Book.Heard(partition, decision.DecidedAtMicros, now);
        if (decision.Action != DecisionAction.Grant || AccountOf(decision) is not { } account || decision.Gateway is not { } gateway)
            return;
        if (decision.LeaseId is not { } lease)
        {
            if (!isTakenBack)
                Book.Apply(new LeaseRefusal(account, decision.Policy, gateway, decision.Version, decision.WindowId ?? 0, decision.Answers ?? 0, decision.RetryAfterMs ?? 0) { Figures = FiguresOf(decision) }, now);
            return;
        }
        if (isTakenBack)
        {
            Book.Apply(new LeaseTombstone(account, decision.Policy, gateway, lease));
            return;
        }
        Book.Apply(new LeaseGrant(account, decision.Policy, gateway, lease, decision.Version, decision.Amount ?? 0, decision.WindowId ?? 0, decision.OpensInMs ?? 0, decision.TtlMs ?? 0, decision.IsRecalled, decision.Answers ?? 0)
        {
            SafeShareUntilMicros = decision.SafeShareUntilMicros,
            Figures = FiguresOf(decision),
        }, now);
    }

    /// <summary>Sends what is to be sent now. One thread's.</summary>
    public void Send()
    {
        _requests.Clear();
        Book.Collect(Now, _requests);
        foreach (var request in _requests)
            _sender.TrySend(RecordOf(request));
    }

    private Events.LeaseRequest RecordOf(LeaseRequest request) => new()
    {
        Scope = request.Account.Scope,
        Unit = request.Account.Unit.NameOf(),
        Per = request.Account.Per.NameOf(),
        TimeZone = request.Account.TimeZone,
        Gateway = request.Gateway,
        Request = request.Number,
        Want = request.Want,
        Must = request.Must,
        MustFirst = request.MustFirst,
        MustSinceMicros = request.MustSinceMicros,
        WantNext = request.WantNext,
        Leases = [.. request.Leases.Select(static lease => new Events.LeaseReport
        {
            LeaseId = lease.LeaseId,
            WindowId = lease.WindowId,
            Spent = lease.Spent,
            Reserved = lease.Reserved,
            Returned = lease.Returned,
            Debt = lease.Debt,
            Closed = lease.IsClosed,
        })],
        SentAtMicros = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
    };

    private static AccountKey? AccountOf(Decision decision) =>
        LimitNames.TryHard(decision.Unit, decision.Per, out var unit, out var per) ? new AccountKey(decision.Scope, unit, per, decision.TimeZone) : null;

    private static AccountFigures FiguresOf(Decision decision)
    {
        var figures = decision.Because;
        return new AccountFigures(decision.Policy, Of("limit"), Of("charged"), Of("on_loan"), Of("unleased"), Of("set_aside"), Of("written_off"), Of("left"), Of("resets_at_us"), Of("resets_in_ms"));

        long Of(string name) => figures.TryGetValue(name, out var value) ? value : 0;
    }
}
