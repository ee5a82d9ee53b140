using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A group's committed offsets; −1 where there is none. From version 8 on one call asks for many groups.</summary>
internal static class OffsetFetchCall
{
    private const short FirstWithMany = 8;

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var groups = ReadGroups(version, ref request);
        var requireStable = version >= 7 && request.Bool();
        request.Tags();

        if (version >= 3)
            reply.Int32(0);
        if (version >= FirstWithMany)
            reply.Array(groups.Count);
        foreach (var group in groups)
        {
            if (version >= FirstWithMany)
                reply.String(group.Name);
            Write(version, context.State, group, requireStable, reply);
            if (version >= FirstWithMany)
                reply.Tags();
        }
        reply.Tags();
        if (context.State is not { } state)
            return 0;
        lock (state.Gate)
            return state.Journal.Last;
    }

    private static List<AskedGroup> ReadGroups(short version, ref ProtocolReader request)
    {
        if (version < FirstWithMany)
            return [ReadGroup(version, ref request)];
        var count = request.Array();
        var groups = new List<AskedGroup>(count);
        for (var i = 0; i < count; i++)
        {
            groups.Add(ReadGroup(version, ref request));
            request.Tags();
        }
        return groups;
    }

    private static AskedGroup ReadGroup(short version, ref ProtocolReader request)
    {
        var name = request.String();
        // Who asks matters to groups of the newer protocol only, and here are none.
        if (version >= 9)
        {
            request.NullableString();
            request.Int32();
        }
        var asked = ReadPartitions(version, ref request, out var topics);
        return new AskedGroup(name, topics, asked);
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

    private static void Write(short version, BrokerState? state, AskedGroup group, bool requireStable, ProtocolWriter reply)
    {
        if (state is null)
        {
            WriteUnavailable(version, group.Topics, group.Asked, reply);
            return;
        }
        var fetched = state.Groups.Fetch(group.Name, group.Asked, requireStable);
        var topics = group.Topics;
        if (topics is null)
            (fetched, topics) = ByTopic(fetched);
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
        if (version >= 2)
            reply.Error(ErrorCode.None, ErrorCode.CoordinatorNotAvailable);
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

    /// <param name="Topics">With their numbers of partitions; null = all that have offsets.</param>
    private readonly record struct AskedGroup(string Name, List<(string Topic, int Partitions)>? Topics, List<(string Topic, int Partition)>? Asked);
}
