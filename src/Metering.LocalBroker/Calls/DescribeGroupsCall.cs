using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Groups' states, members and assignments.</summary>
internal static class DescribeGroupsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var count = request.Array();
        var groups = new List<string>(count);
        for (var i = 0; i < count; i++)
            groups.Add(request.String());
        var tellOperations = version >= 3 && request.Bool();
        request.Tags();

        if (version >= 1)
            reply.Int32(0);
        reply.Array(groups.Count);
        foreach (var group in groups)
        {
            var described = context.State?.Groups.Describe(group) ?? new GroupDescription(ErrorCode.CoordinatorNotAvailable, group, "", "", "", []);
            Write(version, described, reply);
            if (version >= 3)
                reply.Int32(tellOperations ? BrokerFields.GroupOperations : BrokerFields.NoOperationsTold);
            reply.Tags();
        }
        reply.Tags();
        return 0;
    }

    private static void Write(short version, GroupDescription group, ProtocolWriter reply)
    {
        reply.Error(group.Error);
        reply.String(group.Group);
        reply.String(group.State);
        reply.String(group.ProtocolType);
        reply.String(group.Protocol);
        reply.Array(group.Members.Count);
        foreach (var member in group.Members)
        {
            reply.String(member.MemberId);
            if (version >= 4)
                reply.String(member.InstanceId);
            reply.String(member.ClientId);
            reply.String(member.ClientHost);
            reply.Bytes(member.Metadata);
            reply.Bytes(member.Assignment);
            reply.Tags();
        }
    }
}
