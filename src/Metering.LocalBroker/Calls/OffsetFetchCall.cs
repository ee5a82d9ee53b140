using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A group's committed offsets; −1 where there is none.</summary>
internal static class OffsetFetchCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var group = request.String();
        var asked = ReadPartitions(version, ref request, out var topics);
        var requireStable = version >= 7 && request.Bool();
        request.Tags();

        if (version >= 3)
            reply.Int32(0);
        if (context.State is not { } state)
        {
            WriteUnavailable(version, topics, asked, reply);
            return 0;
        }
        IReadOnlyList<FetchedOffset> fetched;
        long entry;
        fetched = state.Groups.Fetch(group, asked, requireStable);
        lock (state.Gate)
            entry = state.Journal.Last;
        if (topics is null)
            (fetched, topics) = ByTopic(fetched);
        Write(version, topics, fetched, reply);
        if (version >= 2)
            reply.Error(ErrorCode.None, ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
        return entry;
    }

    /// <param name="topics">Null with the result: all topics.</param>
    private static List<(string Topic, int Partition)>? ReadPartitions(short version, ref ProtocolReader request, out List<(string Topic, int Partitions)>? topics)
    {
        topics = null;
        var count = version >= 2 ? request.NullableArray() : request.Array();
        if (count < 0)
            return null;
        topics = new List<(string, int)>(count);
        var asked = new List<(string, int)>(count);
        for (var i = 0; i < count; i++)
        {
            var topic = request.String();
            var partitions = request.Array();
            topics.Add((topic, partitions));
            for (var j = 0; j < partitions; j++)
                asked.Add((topic, request.Int32()));
            request.Tags();
        }
        return asked;
    }

    private static (List<FetchedOffset> Offsets, List<(string Topic, int Partitions)> Topics) ByTopic(IReadOnlyList<FetchedOffset> fetched)
    {
        var sorted = new List<FetchedOffset>(fetched);
        sorted.Sort(static (a, b) => string.CompareOrdinal(a.Topic, b.Topic) is var order && order != 0 ? order : a.Partition.CompareTo(b.Partition));
        var topics = new List<(string, int)>();
        for (int start = 0, end; start < sorted.Count; start = end)
        {
            for (end = start + 1; end < sorted.Count && sorted[end].Topic == sorted[start].Topic;)
                end++;
            topics.Add((sorted[start].Topic, end - start));
        }
        return (sorted, topics);
    }

    private static void Write(short version, List<(string Topic, int Partitions)> topics, IReadOnlyList<FetchedOffset> fetched, ProtocolWriter reply)
    {
        reply.Array(topics.Count);
        var index = 0;
        foreach (var (topic, partitions) in topics)
        {
            reply.String(topic);
            reply.Array(partitions);
            for (var end = index + partitions; index < end; index++)
            {
                var one = fetched[index];
                WritePartition(version, one.Partition, one.Offset, one.LeaderEpoch, one.Metadata, one.Error, reply);
            }
            reply.Tags();
        }
    }

    private static void WriteUnavailable(short version, List<(string Topic, int Partitions)>? topics, List<(string Topic, int Partition)>? asked, ProtocolWriter reply)
    {
        reply.Array(topics?.Count ?? 0);
        var index = 0;
        foreach (var (topic, partitions) in topics ?? [])
        {
            reply.String(topic);
            reply.Array(partitions);
            for (var end = index + partitions; index < end; index++)
                WritePartition(version, asked![index].Partition, -1, -1, "", ErrorCode.CoordinatorNotAvailable, reply);
            reply.Tags();
        }
        if (version >= 2)
            reply.Error(ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
    }

    private static void WritePartition(short version, int partition, long offset, int leaderEpoch, string? metadata, ErrorCode error, ProtocolWriter reply)
    {
        reply.Int32(partition);
        reply.Int64(offset);
        if (version >= 5)
            reply.Int32(leaderEpoch);
        reply.String(metadata);
        reply.Error(error, ErrorCode.CoordinatorNotAvailable);
        reply.Tags();
    }
}
