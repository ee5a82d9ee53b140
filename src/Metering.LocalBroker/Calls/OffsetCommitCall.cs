using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Commits a group's offsets. They never expire, whatever retention an old client asks for.</summary>
internal static class OffsetCommitCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var group = request.String();
        var generation = request.Int32();
        var memberId = request.String();
        var instanceId = version >= 7 ? request.NullableString() : null;
        if (version <= 4)
            request.Int64();
        var offsets = OffsetsToCommit.Read(ref request, withLeaderEpoch: version >= 6);
        request.Tags();

        var entry = offsets.Commit(
            context.State, (state, known) => state.Groups.Commit(new CommitRequest(group, generation, memberId, instanceId, known)));
        if (version >= 3)
            reply.Int32(0);
        offsets.WriteResults(reply, static error => error);
        reply.Tags();
        return entry;
    }
}
