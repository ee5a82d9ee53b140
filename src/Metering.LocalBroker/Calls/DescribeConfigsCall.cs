using System.Globalization;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>The settings of topics, and what the broker tells of its own.</summary>
internal static class DescribeConfigsCall
{
    private sealed record Asked(sbyte Type, string Name, HashSet<string>? Keys);

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var count = request.Array();
        var asked = new List<Asked>(count);
        for (var i = 0; i < count; i++)
        {
            asked.Add(new Asked(request.Int8(), request.String(), ReadKeys(ref request)));
            request.Tags();
        }
        var withSynonyms = request.Bool();
        var withDocumentation = version >= 3 && request.Bool();
        request.Tags();

        reply.Int32(0);
        reply.Array(asked.Count);
        long entry = 0;
        foreach (var resource in asked)
        {
            var (outcome, entries) = Find(context, resource, ref entry);
            reply.Error(outcome.Error, ErrorCode.KafkaStorageError);
            reply.String(outcome.Message);
            reply.Int8(resource.Type);
            reply.String(resource.Name);
            WriteEntries(version, resource, entries, withSynonyms, withDocumentation, reply);
            reply.Tags();
        }
        reply.Tags();
        return entry;
    }

    /// <returns>Null: all.</returns>
    private static HashSet<string>? ReadKeys(ref ProtocolReader request)
    {
        var count = request.NullableArray();
        if (count < 0)
            return null;
        var keys = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
            keys.Add(request.String());
        // Old clients say "all" with an empty list.
        return count == 0 ? null : keys;
    }

    private static (Outcome Outcome, IReadOnlyList<ConfigEntry> Entries) Find(CallContext context, Asked resource, ref long entry)
    {
        switch (resource.Type)
        {
            case ConfigFields.TopicResource:
                return FindTopic(context.State, resource.Name, ref entry);
            case ConfigFields.BrokerResource when resource.Name.Length == 0:
                // Defaults of a whole cluster: there are none.
                return (Outcome.Ok, []);
            case ConfigFields.BrokerResource when resource.Name == CallContext.NodeId.ToString(CultureInfo.InvariantCulture):
                return (Outcome.Ok, BrokerConfig.Entries(context));
            case ConfigFields.BrokerResource:
                return (new Outcome(ErrorCode.InvalidRequest, $"Unexpected broker id, expected {CallContext.NodeId} or empty string, but received {resource.Name}"), []);
            default:
                return (new Outcome(ErrorCode.InvalidRequest, $"This broker has no settings of resource type {resource.Type}"), []);
        }
    }

    private static (Outcome Outcome, IReadOnlyList<ConfigEntry> Entries) FindTopic(BrokerState? state, string name, ref long entry)
    {
        if (state is null)
            return (new Outcome(ErrorCode.KafkaStorageError, "The disk fails: nothing is known until it is back."), []);
        lock (state.Gate)
        {
            entry = state.Journal.Last;
            return state.Topics.Find(name) is { } topic
                ? (Outcome.Ok, topic.Config.Entries)
                : (new Outcome(ErrorCode.UnknownTopicOrPartition, "This server does not host this topic-partition."), []);
        }
    }

    private static void WriteEntries(
        short version, Asked resource, IReadOnlyList<ConfigEntry> entries, bool withSynonyms, bool withDocumentation, ProtocolWriter reply)
    {
        var count = 0;
        foreach (var entry in entries)
            count += resource.Keys?.Contains(entry.Name) ?? true ? 1 : 0;
        reply.Array(count);
        var isBroker = resource.Type == ConfigFields.BrokerResource;
        foreach (var entry in entries)
        {
            if (resource.Keys?.Contains(entry.Name) == false)
                continue;
            var source = entry.IsDefault ? ConfigFields.DefaultSource : isBroker ? ConfigFields.StaticBrokerSource : ConfigFields.TopicSource;
            reply.String(entry.Name);
            reply.String(entry.Value);
            reply.Bool(isBroker);
            reply.Int8(source);
            reply.Bool(false);
            reply.Array(withSynonyms ? 1 : 0);
            if (withSynonyms)
            {
                reply.String(entry.Name);
                reply.String(entry.Value);
                reply.Int8(source);
                reply.Tags();
            }
            if (version >= 3)
            {
                reply.Int8((sbyte)entry.Type);
                reply.String(withDocumentation ? entry.Documentation : null);
            }
            reply.Tags();
        }
    }
}
