using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Commits or aborts: one entry of the journal, so whole or not at all.</summary>
internal static class EndTxnCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var producer = new ProducerIdentity(request.String(), request.Int64(), request.Int16());
        var commit = request.Bool();
        request.Tags();

        var (error, entry) = context.State?.Transactions.End(producer, commit) ?? (ErrorCode.CoordinatorNotAvailable, 0);
        reply.Int32(0);
        reply.Error(ProducerErrors.Known(error, knowsFenced: context.Version >= 2), ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
        return entry;
    }
}
