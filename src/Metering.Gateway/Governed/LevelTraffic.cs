using Metering.Client;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Core.Windows;
using Metering.Events;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;

namespace Metering.Gateway.Governed;

/// <summary>Says to the governors what this gateway has of scopes that all gateways keep together (<c>lease-requests</c>, keyed by
/// scope). One thread's.</summary>
internal sealed class LevelTraffic(Throttles throttles, Concurrency concurrency, LeaseRequestSender sender, TimeProvider time)
{
    /// <summary>Each look is at every scope: the loop that calls may turn more often.</summary>
    private const long SpacingMicros = 20_000;

    private readonly List<LevelReport> _reports = [];
    private long _sentAtMicros;

    public void Send()
    {
        var nowMicros = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        if (Math.Abs(nowMicros - _sentAtMicros) < SpacingMicros)
            return;
        _sentAtMicros = nowMicros;
        _reports.Clear();
        throttles.Collect(nowMicros, _reports);
        concurrency.Collect(nowMicros, _reports);
        foreach (var report in _reports)
            sender.TrySend(RecordOf(report, nowMicros));
    }

    private static LeaseRequest RecordOf(LevelReport report, long nowMicros) => new()
    {
        Scope = report.Scope,
        Unit = report.Unit.NameOf(),
        Per = LimitPeriod.None.NameOf(),
        Gateway = report.Gateway,
        Request = report.Number,
        Demand = report.Demand,
        UnderWay = report.UnderWay,
        Knows = report.Knows,
        SentAtMicros = nowMicros,
    };
}
