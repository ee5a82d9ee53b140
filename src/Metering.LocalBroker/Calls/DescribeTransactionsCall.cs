using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Transactions by their ids: state, age and partitions.</summary>
internal static class DescribeTransactionsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var ids = new List<string>(count);
        for (var i = 0; i < count; i++)
            ids.Add(request.String());
        request.Tags();

        reply.Int32(0);
        reply.Array(ids.Count);
        foreach (var id in ids)
        {
            Write(
                context.State?.Transactions.Describe(id)
                ?? new TransactionDescription(ErrorCode.CoordinatorNotAvailable, id, "", 0, -1, -1, -1, []), reply);
        }
        reply.Tags();
        if (context.State is not { } state)
            return 0;
        lock (state.Gate)
            return state.Journal.Last;
    }

    private static void Write(TransactionDescription transaction, ProtocolWriter reply)
    {
        reply.Error(transaction.Error, ErrorCode.CoordinatorNotAvailable);
        reply.String(transaction.TransactionalId);
        reply.String(transaction.State);
        reply.Int32(transaction.TimeoutMs);
        reply.Int64(transaction.StartedAtMs);
        reply.Int64(transaction.ProducerId);
        reply.Int16(transaction.Epoch);
        var byTopic = new SortedDictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (var (topic, partition) in transaction.Partitions)
        {
            if (!byTopic.TryGetValue(topic, out var partitions))
                byTopic[topic] = partitions = [];
            partitions.Add(partition);
        }
        reply.Array(byTopic.Count);
        foreach (var (topic, partitions) in byTopic)
        {
            reply.String(topic);
            reply.Array(partitions.Count);
            foreach (var partition in partitions)
                reply.Int32(partition);
            reply.Tags();
        }
        reply.Tags();
    }
}
