using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Members leave: one before version 3, then several, also by their static names.</summary>
internal static class LeaveGroupCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var group = request.String();
        var count = version >= 3 ? request.Array() : 1;
        var members = new List<(string MemberId, string? InstanceId)>(count);
        for (var i = 0; i < count; i++)
        {
            var memberId = request.String();
            members.Add((memberId, version >= 3 ? request.NullableString() : null));
            if (version >= 5)
                request.NullableString();
            if (version >= 3)
                request.Tags();
        }
        request.Tags();

        var (error, results) = context.State?.Groups.Leave(group, members) ?? (ErrorCode.CoordinatorNotAvailable, []);
        if (version < 3 && error == ErrorCode.None && results.Count > 0)
            error = results[0];
        if (version >= 1)
            reply.Int32(0);
        reply.Error(error);
        if (version >= 3)
        {
            reply.Array(error == ErrorCode.None ? members.Count : 0);
            for (var i = 0; error == ErrorCode.None && i < members.Count; i++)
            {
                reply.String(members[i].MemberId);
                reply.String(members[i].InstanceId);
                reply.Error(results[i]);
                reply.Tags();
            }
        }
        reply.Tags();
        return 0;
    }
}
