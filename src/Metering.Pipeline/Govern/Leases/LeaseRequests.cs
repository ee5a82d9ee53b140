using Metering.Core.Leases;
using Metering.Core.Policies;
using Metering.Events;
using LeaseReport = Metering.Core.Leases.LeaseReport;

namespace Metering.Pipeline.Govern.Leases;

/// <summary>Requests of <c>lease-requests</c> as the governor takes them. They come from the network: what is no request is null.</summary>
internal static class LeaseRequests
{
    /// <summary>Its own leases and some: the book of one instance holds fewer.</summary>
    private const int MaxLeases = 1_024;

    private const int MaxNameBytes = 4_096;

    public static Core.Leases.LeaseRequest? Of(Events.LeaseRequest record)
    {
        if (LimitNames.TryHard(record.Unit, record.Per, out var unit, out var per)
            && record.Scope.Length is > 0 and <= MaxNameBytes && record.Gateway.Length is > 0 and <= MaxNameBytes && record.Leases.Count <= MaxLeases
            && record is { Request: >= 0, Want: >= 0, Must: >= 0, MustFirst: >= 0, WantNext: >= 0 }
            && IsZone(record.TimeZone))
        {
            var leases = new List<LeaseReport>(record.Leases.Count);
            foreach (var lease in record.Leases)
            {
                if (lease is not { Spent: >= 0, Reserved: >= 0, Returned: >= 0, Debt: >= 0 })
                    return null;
                leases.Add(new LeaseReport(lease.LeaseId, lease.WindowId, lease.Spent, lease.Reserved, lease.Returned, lease.Debt, lease.Closed));
            }
            return new(new AccountKey(record.Scope, unit, per, record.TimeZone), record.Gateway, record.Request, record.Want, record.Must, record.MustFirst, record.MustSinceMicros, record.WantNext, leases);
        }
        return null;
    }

    private static bool IsZone(string? name) => name is null || TimeZoneInfo.TryFindSystemTimeZoneById(name, out _);
}
