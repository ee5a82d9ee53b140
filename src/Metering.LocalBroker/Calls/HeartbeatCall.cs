using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A member lives, and hears whether it must join again.</summary>
internal static class HeartbeatCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var group = request.String();
        var generation = request.Int32();
        var memberId = request.String();
        var instanceId = context.Version >= 3 ? request.NullableString() : null;
        request.Tags();
        if (context.Version >= 1)
            reply.Int32(0);
        reply.Error(context.State?.Groups.Heartbeat(group, generation, memberId, instanceId) ?? ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
        return 0;
    }
}
