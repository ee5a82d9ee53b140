using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>All groups, also those that are only committed offsets. All are of the classic type.</summary>
internal static class ListGroupsCall
{
    private const string ClassicType = "classic";

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var states = version >= 4 ? ReadFilter(ref request) : [];
        var types = version >= 5 ? ReadFilter(ref request) : [];
        request.Tags();

        if (version >= 1)
            reply.Int32(0);
        if (context.State is not { } state)
        {
            reply.Error(ErrorCode.CoordinatorNotAvailable);
            reply.Array(0);
            reply.Tags();
            return 0;
        }
        reply.Error(ErrorCode.None, ErrorCode.CoordinatorNotAvailable);
        var listed = new List<GroupListing>();
        if (types.Count == 0 || types.Contains(ClassicType))
        {
            foreach (var group in state.Groups.List())
            {
                if (states.Count == 0 || states.Contains(group.State))
                    listed.Add(group);
            }
        }
        reply.Array(listed.Count);
        foreach (var group in listed)
        {
            reply.String(group.Group);
            reply.String(group.ProtocolType);
            if (version >= 4)
                reply.String(group.State);
            if (version >= 5)
                reply.String(ClassicType);
            reply.Tags();
        }
        reply.Tags();
        lock (state.Gate)
            return state.Journal.Last;
    }

    private static HashSet<string> ReadFilter(ref ProtocolReader request)
    {
        var filter = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var left = request.Array(); left > 0; left--)
            filter.Add(request.String());
        return filter;
    }
}
