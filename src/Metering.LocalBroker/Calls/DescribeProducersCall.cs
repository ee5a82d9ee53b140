using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Who wrote to partitions lately, and which transactions are open there.</summary>
internal static class DescribeProducersCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        reply.Int32(0);
        // Nothing is changed by this call: what is decoded is answered as it comes.
        var topics = request.Array();
        reply.Array(topics);
        for (; topics > 0; topics--)
        {
            var topic = request.String();
            var partitions = request.Array();
            reply.String(topic);
            reply.Array(partitions);
            for (; partitions > 0; partitions--)
                WritePartition(context.State, topic, request.Int32(), reply);
            request.Tags();
            reply.Tags();
        }
        request.Tags();
        reply.Tags();
        return 0;
    }

    private static void WritePartition(BrokerState? state, string topic, int partition, ProtocolWriter reply)
    {
        var (error, producers) = Find(state, topic, partition);
        reply.Int32(partition);
        reply.Error(error);
        reply.String(null);
        reply.Array(producers.Count);
        foreach (var producer in producers)
        {
            reply.Int64(producer.ProducerId);
            reply.Int32(producer.Epoch);
            reply.Int32(producer.LastSequence);
            reply.Int64(producer.LastTimestampMs);
            reply.Int32(CallContext.LeaderEpoch);
            reply.Int64(producer.TransactionStart);
            reply.Tags();
        }
        reply.Tags();
    }

    private static (ErrorCode Error, IReadOnlyList<ProducerInfo> Producers) Find(BrokerState? state, string topic, int partition)
    {
        if (state is null)
            return (ErrorCode.KafkaStorageError, []);
        lock (state.Gate)
            return state.Topics.Find(topic, partition) is { } log ? (ErrorCode.None, log.Producers()) : (ErrorCode.UnknownTopicOrPartition, []);
    }
}
