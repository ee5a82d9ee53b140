using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Deletes topics, by name or, from version 6, by id.</summary>
internal static class DeleteTopicsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var count = request.Array();
        var asked = new List<(string? Name, Guid Id)>(count);
        for (var i = 0; i < count; i++)
        {
            if (version < 6)
            {
                asked.Add((request.String(), default));
                continue;
            }
            asked.Add((request.NullableString(), request.Uuid()));
            request.Tags();
        }
        request.Int32();
        request.Tags();

        reply.Int32(0);
        reply.Array(asked.Count);
        long entry = 0;
        foreach (var (name, id) in asked)
        {
            var (outcome, knownName, knownId) = Delete(context.State, name, id, ref entry);
            reply.String(knownName);
            if (version >= 6)
                reply.Uuid(knownId);
            reply.Error(outcome.Error, ErrorCode.KafkaStorageError);
            if (version >= 5)
                reply.String(outcome.Message);
            reply.Tags();
        }
        reply.Tags();
        return entry;
    }

    private static (Outcome Outcome, string? Name, Guid Id) Delete(BrokerState? state, string? name, Guid id, ref long entry)
    {
        if (state is null)
            return (new Outcome(ErrorCode.KafkaStorageError, "The disk fails: nothing is changed until it is back."), name, id);
        if (name is not null && id != default)
            return (new Outcome(ErrorCode.InvalidRequest, "You may not specify both topic name and topic id."), name, id);
        lock (state.Gate)
        {
            var topic = name is not null ? state.Topics.Find(name) : state.Topics.Find(id);
            if (topic is null)
            {
                return name is not null
                    ? (new Outcome(ErrorCode.UnknownTopicOrPartition, "This server does not host this topic-partition."), name, id)
                    : (new Outcome(ErrorCode.UnknownTopicId, "This server does not host this topic ID."), null, id);
            }
            var outcome = state.Topics.Delete(topic);
            entry = state.Journal.Last;
            return (outcome, topic.Name, topic.Id);
        }
    }
}
