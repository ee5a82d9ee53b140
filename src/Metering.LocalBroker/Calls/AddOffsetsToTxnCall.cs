using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A transaction is about to commit a group's offsets.</summary>
internal static class AddOffsetsToTxnCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var producer = new ProducerIdentity(request.String(), request.Int64(), request.Int16());
        var group = request.String();
        request.Tags();

        var (error, entry) = context.State?.Transactions.AddOffsets(producer, group) ?? (ErrorCode.CoordinatorNotAvailable, 0);
        reply.Int32(0);
        reply.Error(ProducerErrors.Known(error, knowsFenced: context.Version >= 2), ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
        return entry;
    }
}
