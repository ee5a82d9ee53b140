using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Gives topics more partitions.</summary>
internal static class CreatePartitionsCall
{
    private sealed record Asked(string Name, int Total, List<int[]>? Assignments);

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var count = request.Array();
        var asked = new List<Asked>(count);
        for (var i = 0; i < count; i++)
        {
            asked.Add(new Asked(request.String(), request.Int32(), ReplicaAssignments.Read(ref request, withIndex: false)));
            request.Tags();
        }
        request.Int32();
        var validateOnly = request.Bool();
        request.Tags();

        reply.Int32(0);
        reply.Array(asked.Count);
        long entry = 0;
        foreach (var topic in asked)
        {
            var outcome = Add(context.State, topic, validateOnly, ref entry);
            reply.String(topic.Name);
            reply.Error(outcome.Error, ErrorCode.KafkaStorageError);
            reply.String(outcome.Message);
            reply.Tags();
        }
        reply.Tags();
        return entry;
    }

    private static Outcome Add(BrokerState? state, Asked asked, bool validateOnly, ref long entry)
    {
        if (state is null)
            return new Outcome(ErrorCode.KafkaStorageError, "The disk fails: nothing is changed until it is back.");
        lock (state.Gate)
        {
            if (asked.Assignments is { } assignments && state.Topics.Find(asked.Name) is { } topic)
            {
                if (!ReplicaAssignments.AreTrivial(assignments))
                    return ReplicaAssignments.Refused;
                if (assignments.Count != asked.Total - topic.Partitions.Count)
                    return new Outcome(ErrorCode.InvalidReplicaAssignment, $"{asked.Total - topic.Partitions.Count} partitions are to be added, but {assignments.Count} assignments were given.");
            }
            var outcome = state.Topics.AddPartitions(asked.Name, asked.Total, validateOnly);
            entry = state.Journal.Last;
            return outcome;
        }
    }
}
