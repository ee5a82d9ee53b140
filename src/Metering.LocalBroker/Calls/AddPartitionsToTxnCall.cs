using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Partitions that a transaction is about to write: all or none.</summary>
internal static class AddPartitionsToTxnCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var producer = new ProducerIdentity(request.String(), request.Int64(), request.Int16());
        var count = request.Array();
        var topics = new List<(string Topic, int Partitions)>(count);
        var partitions = new List<(string Topic, int Partition)>();
        for (var i = 0; i < count; i++)
        {
            var topic = request.String();
            var ofTopic = request.Array();
            topics.Add((topic, ofTopic));
            for (var j = 0; j < ofTopic; j++)
                partitions.Add((topic, request.Int32()));
            request.Tags();
        }
        request.Tags();

        var (errors, entry) = context.State?.Transactions.AddPartitions(producer, partitions) ?? ([ErrorCode.CoordinatorNotAvailable], 0);
        reply.Int32(0);
        reply.Array(topics.Count);
        var index = 0;
        foreach (var (topic, ofTopic) in topics)
        {
            reply.String(topic);
            reply.Array(ofTopic);
            for (var end = index + ofTopic; index < end; index++)
            {
                // One error stands for all partitions.
                var error = errors.Count == partitions.Count ? errors[index] : errors[0];
                reply.Int32(partitions[index].Partition);
                reply.Error(ProducerErrors.Known(error, knowsFenced: context.Version >= 2), ErrorCode.CoordinatorNotAvailable);
                reply.Tags();
            }
            reply.Tags();
        }
        reply.Tags();
        return entry;
    }
}
