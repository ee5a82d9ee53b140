using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Makes topics; each succeeds or fails for itself.</summary>
internal static class CreateTopicsCall
{
    private sealed record Asked(string Name, int Partitions, short Replication, List<int[]>? Assignments, List<KeyValuePair<string, string?>> Config);

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var asked = new List<Asked>(count);
        for (var i = 0; i < count; i++)
            asked.Add(ReadTopic(ref request));
        request.Int32();
        var validateOnly = request.Bool();
        request.Tags();

        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var topic in asked)
            names[topic.Name] = names.GetValueOrDefault(topic.Name) + 1;
        reply.Int32(0);
        reply.Array(asked.Count);
        long entry = 0;
        foreach (var topic in asked)
        {
            var outcome = names[topic.Name] > 1
                ? new Outcome(ErrorCode.InvalidRequest, $"Duplicate topic name {topic.Name}")
                : Create(context.State, topic, validateOnly, ref entry);
            Write(context, topic, outcome, reply);
        }
        reply.Tags();
        return entry;
    }

    private static Asked ReadTopic(ref ProtocolReader request)
    {
        var name = request.String();
        var partitions = request.Int32();
        var replication = request.Int16();
        var assignments = ReplicaAssignments.Read(ref request, withIndex: true);
        var configs = request.Array();
        var config = new List<KeyValuePair<string, string?>>(configs);
        for (var i = 0; i < configs; i++)
        {
            var key = request.String();
            config.Add(new(key, request.NullableString()));
            request.Tags();
        }
        request.Tags();
        return new Asked(name, partitions, replication, assignments, config);
    }

    private static Outcome Create(BrokerState? state, Asked topic, bool validateOnly, ref long entry)
    {
        if (state is null)
            return new Outcome(ErrorCode.KafkaStorageError, "The disk fails: nothing is changed until it is back.");
        var partitions = topic.Partitions;
        if (topic.Assignments is { Count: > 0 } assignments)
        {
            if (topic.Partitions != -1 || topic.Replication != -1)
                return new Outcome(ErrorCode.InvalidRequest, "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.");
            if (!ReplicaAssignments.AreTrivial(assignments))
                return ReplicaAssignments.Refused;
            partitions = assignments.Count;
        }
        lock (state.Gate)
        {
            var outcome = state.Topics.Create(topic.Name, partitions, topic.Replication, topic.Config, validateOnly);
            entry = state.Journal.Last;
            return outcome;
        }
    }

    private static void Write(CallContext context, Asked asked, in Outcome outcome, ProtocolWriter reply)
    {
        var version = context.Version;
        var made = outcome.IsOk ? Made(context.State, asked.Name) : null;
        reply.String(asked.Name);
        if (version >= 7)
            reply.Uuid(made?.Id ?? default);
        reply.Error(outcome.Error, ErrorCode.KafkaStorageError);
        reply.String(outcome.Message);
        if (version >= 5)
        {
            reply.Int32(made?.Partitions.Count ?? (outcome.IsOk ? Planned(context, asked) : -1));
            reply.Int16(outcome.IsOk ? (short)1 : (short)-1);
            WriteConfig(made, outcome.IsOk, reply);
        }
        reply.Tags();
    }

    private static Topic? Made(BrokerState? state, string name)
    {
        if (state is null)
            return null;
        lock (state.Gate)
            return state.Topics.Find(name);
    }

    /// <summary>How many partitions a topic would have that was only validated.</summary>
    private static int Planned(CallContext context, Asked asked) =>
        asked.Assignments is { Count: > 0 } assignments ? assignments.Count : asked.Partitions == -1 ? context.Options.DefaultPartitions : asked.Partitions;

    private static void WriteConfig(Topic? made, bool isOk, ProtocolWriter reply)
    {
        // Null = not told: Kafka's own answer for a topic that was not made.
        if (made is null)
        {
            reply.Array(isOk ? 0 : -1);
            return;
        }
        var entries = made.Config.Entries;
        reply.Array(entries.Count);
        foreach (var entry in entries)
        {
            reply.String(entry.Name);
            reply.String(entry.Value);
            reply.Bool(false);
            reply.Int8(ConfigFields.SourceOf(entry));
            reply.Bool(false);
            reply.Tags();
        }
    }
}
