using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Who coordinates a group or a transactional id: this broker.</summary>
internal static class FindCoordinatorCall
{
    private const sbyte Group = 0;
    private const sbyte Transaction = 1;

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        request.String();
        var keyType = context.Version >= 1 ? request.Int8() : Group;
        request.Tags();
        var error = keyType is not (Group or Transaction) ? ErrorCode.InvalidRequest
            : context.State is null ? ErrorCode.CoordinatorNotAvailable
            : ErrorCode.None;
        if (context.Version >= 1)
            reply.Int32(0);
        reply.Error(error);
        if (context.Version >= 1)
            reply.String(error switch
            {
                ErrorCode.None => "NONE",
                ErrorCode.InvalidRequest => "There are coordinators of groups and of transactions only.",
                _ => "The disk fails: nothing is coordinated until it is back.",
            });
        var found = error == ErrorCode.None;
        reply.Int32(found ? CallContext.NodeId : -1);
        reply.String(found ? context.Host : "");
        reply.Int32(found ? context.Port : -1);
        reply.Tags();
        return 0;
    }
}
