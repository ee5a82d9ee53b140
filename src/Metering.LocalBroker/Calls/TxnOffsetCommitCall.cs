using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Offsets that become the group's when the transaction commits. From version 3 the group's generation fences too.</summary>
internal static class TxnOffsetCommitCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var transactionalId = request.String();
        var group = request.String();
        var producer = new ProducerIdentity(transactionalId, request.Int64(), request.Int16());
        var generation = version >= 3 ? request.Int32() : -1;
        var memberId = version >= 3 ? request.String() : "";
        var instanceId = version >= 3 ? request.NullableString() : null;
        var offsets = OffsetsToCommit.Read(ref request, withLeaderEpoch: version >= 2);
        request.Tags();

        var entry = offsets.Commit(
            context.State,
            (state, known) => state.Transactions.CommitOffsets(producer, new CommitRequest(group, generation, memberId, instanceId, known)));
        reply.Int32(0);
        // A group's coordinator knows a fenced producer by its epoch only, in every version.
        offsets.WriteResults(reply, static error => ProducerErrors.Known(error, knowsFenced: false));
        reply.Tags();
        return entry;
    }
}
