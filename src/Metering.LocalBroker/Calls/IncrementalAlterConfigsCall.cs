using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Changes the settings of topics. The broker's own are given at its start.</summary>
internal static class IncrementalAlterConfigsCall
{
    private sealed record Asked(sbyte Type, string Name, List<ConfigChange> Changes);

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var asked = new List<Asked>(count);
        for (var i = 0; i < count; i++)
            asked.Add(ReadResource(ref request));
        var validateOnly = request.Bool();
        request.Tags();

        var seen = new HashSet<(sbyte, string)>();
        reply.Int32(0);
        reply.Array(asked.Count);
        long entry = 0;
        foreach (var resource in asked)
        {
            var outcome = seen.Add((resource.Type, resource.Name))
                ? Change(context.State, resource, validateOnly, ref entry)
                : new Outcome(ErrorCode.InvalidRequest, "Each resource must appear at most once.");
            reply.Error(outcome.Error, ErrorCode.KafkaStorageError);
            reply.String(outcome.Message);
            reply.Int8(resource.Type);
            reply.String(resource.Name);
            reply.Tags();
        }
        reply.Tags();
        return entry;
    }

    private static Asked ReadResource(ref ProtocolReader request)
    {
        var type = request.Int8();
        var name = request.String();
        var count = request.Array();
        var changes = new List<ConfigChange>(count);
        for (var i = 0; i < count; i++)
        {
            changes.Add(new ConfigChange(request.String(), (ConfigOperation)request.Int8(), request.NullableString()));
            request.Tags();
        }
        request.Tags();
        return new Asked(type, name, changes);
    }

    private static Outcome Change(BrokerState? state, Asked resource, bool validateOnly, ref long entry)
    {
        if (resource.Type != ConfigFields.TopicResource)
            return new Outcome(ErrorCode.InvalidRequest, "Only topics' settings can be changed here: the broker's own are given at its start.");
        foreach (var change in resource.Changes)
        {
            if (!Enum.IsDefined(change.Operation))
                return new Outcome(ErrorCode.InvalidRequest, $"Unknown operation {(sbyte)change.Operation} on {change.Name}");
            if (change is { Value: null, Operation: not ConfigOperation.Delete })
                return new Outcome(ErrorCode.InvalidRequest, $"Null value not supported for : {change.Name}");
        }
        if (state is null)
            return new Outcome(ErrorCode.KafkaStorageError, "The disk fails: nothing is changed until it is back.");
        lock (state.Gate)
        {
            if (state.Topics.Find(resource.Name) is not { } topic)
                return new Outcome(ErrorCode.UnknownTopicOrPartition, $"The topic '{resource.Name}' does not exist.");
            var outcome = state.Topics.Configure(topic, resource.Changes, validateOnly);
            entry = state.Journal.Last;
            return outcome;
        }
    }
}
