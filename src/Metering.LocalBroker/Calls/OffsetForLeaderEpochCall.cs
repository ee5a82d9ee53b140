using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Where a leader's epoch ends. There has only ever been one epoch: it ends where the readable log ends.</summary>
internal static class OffsetForLeaderEpochCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        if (context.Version >= 3)
            request.Int32();
        reply.Int32(0);
        var topics = request.Array();
        reply.Array(topics);
        // Nothing is changed by this call: what is decoded is answered as it comes.
        for (; topics > 0; topics--)
        {
            var topic = request.String();
            var partitions = request.Array();
            reply.String(topic);
            reply.Array(partitions);
            for (; partitions > 0; partitions--)
            {
                var index = request.Int32();
                var leaderEpoch = request.Int32();
                var askedEpoch = request.Int32();
                request.Tags();
                var (error, end) = Find(context.State, topic, index, leaderEpoch, askedEpoch);
                reply.Error(error);
                reply.Int32(index);
                reply.Int32(end < 0 ? -1 : CallContext.LeaderEpoch);
                reply.Int64(end);
                reply.Tags();
            }
            request.Tags();
            reply.Tags();
        }
        request.Tags();
        reply.Tags();
        return 0;
    }

    private static (ErrorCode Error, long End) Find(BrokerState? state, string topic, int index, int leaderEpoch, int askedEpoch)
    {
        if (state is null)
            return (ErrorCode.KafkaStorageError, -1);
        lock (state.Gate)
        {
            if (state.Topics.Find(topic, index) is not { } log)
                return (ErrorCode.UnknownTopicOrPartition, -1);
            var error = BrokerFields.CheckLeaderEpoch(leaderEpoch);
            if (error != ErrorCode.None)
                return (error, -1);
            return (ErrorCode.None, askedEpoch == CallContext.LeaderEpoch ? log.HighWatermark : -1);
        }
    }
}
