using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Gives out a producer id, or fences the former holders of a transactional id.</summary>
internal static class InitProducerIdCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var transactionalId = request.NullableString();
        var timeoutMs = request.Int32();
        var producerId = version >= 3 ? request.Int64() : -1;
        var epoch = version >= 3 ? request.Int16() : (short)-1;
        request.Tags();

        var answer = transactionalId is { Length: 0 } ? new InitAnswer(ErrorCode.InvalidRequest, -1, -1, 0)
            : context.State?.Transactions.InitProducerId(transactionalId, timeoutMs, producerId, epoch)
            ?? new InitAnswer(ErrorCode.CoordinatorNotAvailable, -1, -1, 0);
        reply.Int32(0);
        reply.Error(ProducerErrors.Known(answer.Error, knowsFenced: version >= 4), ErrorCode.CoordinatorNotAvailable);
        var failed = answer.Error != ErrorCode.None;
        reply.Int64(failed ? -1 : answer.ProducerId);
        reply.Int16(failed ? (short)-1 : answer.Epoch);
        reply.Tags();
        return answer.Entry;
    }
}
