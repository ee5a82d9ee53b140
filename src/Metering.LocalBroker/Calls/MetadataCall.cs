using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Topics, their partitions, and the one broker that leads them all. Never creates a topic.</summary>
internal static class MetadataCall
{
    private readonly record struct Asked(string? Name, Guid Id);

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var asked = ReadTopics(version, ref request);
        if (version >= 4)
            request.Bool();
        var tellClusterOperations = version is >= 8 and <= 10 && request.Bool();
        var tellTopicOperations = version >= 8 && request.Bool();
        request.Tags();

        if (version >= 3)
            reply.Int32(0);
        BrokerFields.WriteBrokers(context, reply, withRack: version >= 1);
        if (version >= 2)
            reply.String(context.ClusterId);
        if (version >= 1)
            reply.Int32(CallContext.NodeId);
        var entry = WriteTopics(context, asked, tellTopicOperations, reply);
        if (version is >= 8 and <= 10)
            reply.Int32(tellClusterOperations ? BrokerFields.ClusterOperations : BrokerFields.NoOperationsTold);
        reply.Tags();
        return entry;
    }

    /// <returns>Null: all topics.</returns>
    private static List<Asked>? ReadTopics(short version, ref ProtocolReader request)
    {
        var count = version >= 1 ? request.NullableArray() : request.Array();
        if (count < 0 || (version == 0 && count == 0))
            return null;
        var asked = new List<Asked>(count);
        for (var i = 0; i < count; i++)
        {
            var id = version >= 10 ? request.Uuid() : default;
            // Null from version 10 by the letter; asking by id works from 12, as in Kafka.
            var name = version >= 12 ? request.NullableString() : request.String();
            request.Tags();
            asked.Add(new Asked(name, id));
        }
        return asked;
    }

    private static long WriteTopics(CallContext context, List<Asked>? asked, bool tellOperations, ProtocolWriter reply)
    {
        if (context.State is not { } state)
        {
            // There is no error for "all topics": an empty list would tell a consumer that they are gone.
            if (asked is null)
                throw new MalformedRequestException("the disk fails: all topics cannot be told");
            reply.Array(asked.Count);
            foreach (var (name, id) in asked)
                WriteTopic(context, ErrorCode.LeaderNotAvailable, name, id, null, tellOperations, reply);
            return 0;
        }
        lock (state.Gate)
        {
            reply.Array(asked?.Count ?? state.Topics.All.Count);
            if (asked is null)
            {
                foreach (var topic in state.Topics.All)
                    WriteTopic(context, ErrorCode.None, topic.Name, topic.Id, topic, tellOperations, reply);
            }
            else
            {
                foreach (var one in asked)
                    WriteAsked(context, state, one, tellOperations, reply);
            }
            return state.Journal.Last;
        }
    }

    private static void WriteAsked(CallContext context, BrokerState state, Asked asked, bool tellOperations, ProtocolWriter reply)
    {
        var found = asked.Name is { } name ? state.Topics.Find(name) : state.Topics.Find(asked.Id);
        if (found is not null)
            WriteTopic(context, ErrorCode.None, found.Name, found.Id, found, tellOperations, reply);
        else if (asked.Name is null)
            WriteTopic(context, ErrorCode.UnknownTopicId, null, asked.Id, null, tellOperations, reply);
        else
            WriteTopic(context, TopicName.Problem(asked.Name) is null ? ErrorCode.UnknownTopicOrPartition : ErrorCode.InvalidTopic, asked.Name, default, null, tellOperations, reply);
    }

    private static void WriteTopic(CallContext context, ErrorCode error, string? name, Guid id, Topic? topic, bool tellOperations, ProtocolWriter reply)
    {
        var version = context.Version;
        reply.Error(error, ErrorCode.LeaderNotAvailable);
        reply.String(name);
        if (version >= 10)
            reply.Uuid(id);
        if (version >= 1)
            reply.Bool(false);
        var partitions = topic?.Partitions.Count ?? 0;
        reply.Array(partitions);
        for (var partition = 0; partition < partitions; partition++)
        {
            reply.Error(ErrorCode.None);
            reply.Int32(partition);
            reply.Int32(CallContext.NodeId);
            if (version >= 7)
                reply.Int32(CallContext.LeaderEpoch);
            BrokerFields.WriteSelf(reply);
            BrokerFields.WriteSelf(reply);
            if (version >= 5)
                reply.Array(0);
            reply.Tags();
        }
        if (version >= 8)
            reply.Int32(tellOperations ? BrokerFields.TopicOperations : BrokerFields.NoOperationsTold);
        reply.Tags();
    }
}
