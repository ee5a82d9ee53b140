using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Removes the records of partitions below an offset; −1 = all that are readable.</summary>
internal static class DeleteRecordsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var topics = new List<(string Topic, int Partitions)>(count);
        var asked = new List<(int Partition, long Offset)>();
        for (var i = 0; i < count; i++)
        {
            var topic = request.String();
            var partitions = request.Array();
            topics.Add((topic, partitions));
            for (var j = 0; j < partitions; j++)
            {
                asked.Add((request.Int32(), request.Int64()));
                request.Tags();
            }
            request.Tags();
        }
        request.Int32();
        request.Tags();

        reply.Int32(0);
        reply.Array(topics.Count);
        long last = 0;
        var index = 0;
        foreach (var (topic, partitions) in topics)
        {
            reply.String(topic);
            reply.Array(partitions);
            for (var end = index + partitions; index < end; index++)
            {
                var (error, startOffset, entry) = Delete(context.State, topic, asked[index].Partition, asked[index].Offset);
                last = Math.Max(last, entry);
                reply.Int32(asked[index].Partition);
                reply.Int64(error == ErrorCode.None ? startOffset : -1);
                reply.Error(error, ErrorCode.KafkaStorageError);
                reply.Tags();
            }
            reply.Tags();
        }
        reply.Tags();
        return last;
    }

    private static (ErrorCode Error, long StartOffset, long Entry) Delete(BrokerState? state, string topic, int partition, long offset)
    {
        if (state is null)
            return (ErrorCode.KafkaStorageError, -1, 0);
        lock (state.Gate)
        {
            return state.Topics.Find(topic, partition) is { } log ? log.DeleteBefore(offset) : (ErrorCode.UnknownTopicOrPartition, -1, 0);
        }
    }
}
