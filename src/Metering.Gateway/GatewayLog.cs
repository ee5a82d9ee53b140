using Metering.Client;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway;

internal static partial class GatewayLog
{
    [LoggerMessage(7301, LogLevel.Information, "gateway listens on {Address}, model hosts {Upstreams}")]
    public static partial void Started(ILogger log, string address, string upstreams);

    [LoggerMessage(7302, LogLevel.Information, "gateway stops: {Active} requests are under way, {Budget} for them")]
    public static partial void Draining(ILogger log, int active, TimeSpan budget);

    [LoggerMessage(7303, LogLevel.Warning, "gateway stops: {Active} requests are cut, the budget is used up")]
    public static partial void CutAtStop(ILogger log, int active);

    [LoggerMessage(7304, LogLevel.Warning, "model host {Upstream} failed: {Reason}")]
    public static partial void UpstreamFailed(ILogger log, string upstream, string reason);

    [LoggerMessage(7305, LogLevel.Error, "model host {Upstream} refuses the gateway's credentials ({Status}): check its key file")]
    public static partial void UpstreamRefused(ILogger log, string upstream, int status);

    [LoggerMessage(7306, LogLevel.Error, "a request cannot be written to the journal and is refused: {Reason}")]
    public static partial void NotJournaled(ILogger log, string reason);

    [LoggerMessage(7307, LogLevel.Error, "the event of request {RequestId} was not taken ({Status}): {Reason}")]
    public static partial void EventRefused(ILogger log, string requestId, PublishStatus status, string? reason);

    [LoggerMessage(7308, LogLevel.Error, "the tokens of request {RequestId} could not be counted and are guessed from bytes")]
    public static partial void NotCounted(ILogger log, string requestId, Exception error);

    [LoggerMessage(7309, LogLevel.Warning, "{Requests} requests were under way when this gateway last ended; each becomes an event with status cut")]
    public static partial void Recovered(ILogger log, int requests);

    [LoggerMessage(7310, LogLevel.Error, "a request ended in an error of the gateway's own")]
    public static partial void Stumbled(ILogger log, Exception error);

    [LoggerMessage(7311, LogLevel.Warning, "the {What} is left out: {Errors}")]
    public static partial void BadRecord(ILogger log, string what, string errors);

    [LoggerMessage(7313, LogLevel.Error, "what is governed could not be looked after; it is tried again")]
    public static partial void RoundFailed(ILogger log, Exception failure);

    [LoggerMessage(7312, LogLevel.Warning, "{Path} cannot be kept ({Reason}): what a former gateway had on loan stays charged until it is written off")]
    public static partial void FormerGatewaysLost(ILogger log, string path, string reason);
}
