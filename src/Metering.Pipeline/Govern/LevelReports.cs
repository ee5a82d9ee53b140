using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Core.Windows;
using LeaseRequest = Metering.Events.LeaseRequest;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;

namespace Metering.Pipeline.Govern;

/// <summary>Levels that gateways report on <c>lease-requests</c>, of scopes whose soft limits they keep together. They come from the
/// network: what is none is null.</summary>
internal static class LevelReports
{
    private const int MaxNameBytes = 4_096;

    /// <summary>True for a record that is no request for leases.</summary>
    public static bool IsOne(LeaseRequest record) => string.Equals(record.Per, LimitPeriod.None.NameOf(), StringComparison.Ordinal);

    public static LevelReport? Of(LeaseRequest record)
    {
        var unit = string.Equals(record.Unit, LimitUnit.Concurrent.NameOf(), StringComparison.Ordinal) ? LimitUnit.Concurrent : LimitUnit.Tokens;
        return string.Equals(record.Unit, unit.NameOf(), StringComparison.Ordinal)
            && record.Scope.Length is > 0 and <= MaxNameBytes && record.Gateway.Length is > 0 and <= MaxNameBytes && record.Gateway != RateShares.Others
            && record is { Request: >= 0, Demand: >= 0, UnderWay: >= 0, Knows: >= 0 }
            ? new LevelReport(record.Scope, unit, record.Gateway, record.Request, record.Demand, record.UnderWay, record.Knows)
            : null;
    }
}
