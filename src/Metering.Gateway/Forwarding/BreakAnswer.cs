using Metering.Gateway.Answers;
using Metering.Gateway.Exchanges;

namespace Metering.Gateway.Forwarding;

/// <summary>What a client is told when its answer broke off before its end.</summary>
internal static class BreakAnswer
{
    public static ErrorAnswer Of(EndReason reason) => reason switch
    {
        EndReason.TimedOut => ErrorAnswer.UpstreamTimeout,
        EndReason.Stopping => ErrorAnswer.Unavailable("The gateway stops."),
        _ => ErrorAnswer.UpstreamBroke,
    };
}
