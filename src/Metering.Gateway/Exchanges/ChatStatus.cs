using Metering.Events;

namespace Metering.Gateway.Exchanges;

/// <summary>What an event says of an exchange that was given up.</summary>
internal static class ChatStatus
{
    public static Status Of(EndReason reason) => reason switch
    {
        EndReason.ClientGone => Status.Cancelled,
        EndReason.Stopping or EndReason.Outran => Status.Cut,
        _ => Status.Error,
    };
}
