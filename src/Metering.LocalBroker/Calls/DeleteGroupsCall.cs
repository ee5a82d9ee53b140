using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Removes groups without members, and their offsets.</summary>
internal static class DeleteGroupsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var groups = new List<string>(count);
        for (var i = 0; i < count; i++)
            groups.Add(request.String());
        request.Tags();

        reply.Int32(0);
        reply.Array(groups.Count);
        long last = 0;
        foreach (var group in groups)
        {
            var (error, entry) = context.State?.Groups.Delete(group) ?? (ErrorCode.CoordinatorNotAvailable, 0);
            last = Math.Max(last, entry);
            reply.String(group);
            reply.Error(error, ErrorCode.CoordinatorNotAvailable);
            reply.Tags();
        }
        reply.Tags();
        return last;
    }
}
