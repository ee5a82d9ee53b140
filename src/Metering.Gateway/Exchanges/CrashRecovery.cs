using Metering.Client;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Exchanges;

/// <summary>
/// After a crash each request that was under way becomes one event, status cut, its tokens estimated (R4). Where a lease paid, what
/// was reserved counts, for the host may have produced all of it (R28); else as far as the journal was told.
/// </summary>
internal sealed class CrashRecovery(IRequestJournal journal, FormerGateways? former, ILogger log)
{
    public void Run()
    {
        var unfinished = journal.Unfinished;
        if (unfinished.Count > 0)
            GatewayLog.Recovered(log, unfinished.Count);
        var areAllRecovered = true;
        foreach (var request in unfinished)
        {
            var result = journal.Close(request.Request, EventOf(request));
            areAllRecovered &= result.Accepted;
            if (!result.Accepted)
                GatewayLog.EventRefused(log, request.Draft.RequestId, result.Status, result.Reason);
        }
        // R29: whatever the former gateways let go lies before the next event in the journal, and so in the log (R3).
        if (areAllRecovered)
            former?.Recovered();
    }

    internal static TokenEvent EventOf(UnfinishedRequest request)
    {
        var cut = request.Draft;
        var isLeased = cut.LeaseId is not null;
        cut.Status = Status.Cut;
        cut.TokensEstimated = true;
        cut.EventTimeMicros = request.LastSeenMicros;
        cut.InputTokens = Largest(cut.InputTokens, request.InputTokens, isLeased ? request.Reservation.InputTokens : 0);
        cut.OutputTokens = Largest(cut.OutputTokens, request.OutputTokens, isLeased ? request.Reservation.OutputTokens : 0);
        return cut;
    }

    private static long Largest(long drafted, long progressed, long reserved) => Math.Max(drafted, Math.Max(progressed, reserved));
}
