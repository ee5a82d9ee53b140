using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>First, last and stable offsets, and offsets by time.</summary>
internal static class ListOffsetsCall
{
    private const long Latest = -1;
    private const long Earliest = -2;
    private const long MaxTimestamp = -3;

    private readonly record struct Part(string? NextTopic, int PartitionsOfTopic, int Index, int LeaderEpoch, long Timestamp);

    private readonly record struct Found(ErrorCode Error, long Timestamp, long Offset, int LeaderEpoch)
    {
        public static Found Nothing(ErrorCode error = ErrorCode.None) => new(error, -1, -1, -1);
    }

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        request.Int32();
        var committedOnly = version >= 2 && request.Int8() == 1;
        var parts = ReadParts(version, ref request, out var topics);

        if (version >= 2)
            reply.Int32(0);
        reply.Array(topics);
        var topic = "";
        var left = 0;
        foreach (var part in parts)
        {
            if (part.NextTopic is { } next)
            {
                topic = next;
                left = part.PartitionsOfTopic;
                reply.String(topic);
                reply.Array(left);
            }
            if (left > 0)
            {
                WritePart(version, part.Index, Find(context.State, topic, part, committedOnly), reply);
                left--;
            }
            if (left == 0)
                reply.Tags();
        }
        reply.Tags();
        return 0;
    }

    private static List<Part> ReadParts(short version, ref ProtocolReader request, out int topics)
    {
        topics = request.Array();
        var parts = new List<Part>(topics);
        for (var i = 0; i < topics; i++)
        {
            var topic = request.String();
            var partitions = request.Array();
            if (partitions == 0)
                parts.Add(new Part(topic, 0, 0, 0, 0));
            for (var j = 0; j < partitions; j++)
            {
                var index = request.Int32();
                var leaderEpoch = version >= 4 ? request.Int32() : -1;
                parts.Add(new Part(j == 0 ? topic : null, partitions, index, leaderEpoch, request.Int64()));
                request.Tags();
            }
            request.Tags();
        }
        request.Tags();
        return parts;
    }

    private static Found Find(BrokerState? state, string topic, in Part part, bool committedOnly)
    {
        if (state is null)
            return Found.Nothing(ErrorCode.KafkaStorageError);
        PartitionLog? log;
        lock (state.Gate)
        {
            log = state.Topics.Find(topic, part.Index);
            if (log is null)
                return Found.Nothing(ErrorCode.UnknownTopicOrPartition);
            var error = BrokerFields.CheckLeaderEpoch(part.LeaderEpoch);
            if (error != ErrorCode.None)
                return Found.Nothing(error);
            if (part.Timestamp == Latest)
                return new Found(ErrorCode.None, -1, committedOnly ? log.StableOffset : log.HighWatermark, CallContext.LeaderEpoch);
            if (part.Timestamp == Earliest)
                return new Found(ErrorCode.None, -1, log.StartOffset, CallContext.LeaderEpoch);
        }
        if (part.Timestamp < MaxTimestamp)
            return Found.Nothing(ErrorCode.UnsupportedVersion);
        // Reads the disk: outside the gate.
        var (offset, timestampMs) = part.Timestamp == MaxTimestamp ? log.FindMaxTime() : log.FindTime(part.Timestamp, committedOnly);
        return offset < 0 ? Found.Nothing() : new Found(ErrorCode.None, timestampMs, offset, CallContext.LeaderEpoch);
    }

    private static void WritePart(short version, int index, in Found found, ProtocolWriter reply)
    {
        reply.Int32(index);
        reply.Error(found.Error);
        reply.Int64(found.Timestamp);
        reply.Int64(found.Offset);
        if (version >= 4)
            reply.Int32(found.LeaderEpoch);
        reply.Tags();
    }
}
