using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Which brokers hold which partitions, as a client wishes. There is one broker: any other wish is refused.</summary>
internal static class ReplicaAssignments
{
    public static Outcome Refused => new(
        ErrorCode.InvalidReplicaAssignment,
        "This broker is a single node and never replicates: every partition is on broker 1, numbered from 0 without gaps. Leave the assignment out.");

    /// <param name="withIndex">CreateTopics names the partitions, CreatePartitions goes on behind the last one.</param>
    /// <returns>The brokers by partition, or null when none were given or the numbers have gaps (then <see cref="AreTrivial"/> is false).</returns>
    public static List<int[]>? Read(ref ProtocolReader request, bool withIndex)
    {
        var count = withIndex ? request.Array() : request.NullableArray();
        if (count < 0)
            return null;
        var assignments = new List<int[]>(count);
        var seen = new HashSet<int>();
        for (var i = 0; i < count; i++)
        {
            var index = withIndex ? request.Int32() : i;
            var brokers = new int[request.Array()];
            for (var j = 0; j < brokers.Length; j++)
                brokers[j] = request.Int32();
            request.Tags();
            // An empty list is not trivial: it stands for a number that is not one of a gapless row.
            assignments.Add(seen.Add(index) && index >= 0 && index < count ? brokers : []);
        }
        return assignments;
    }

    public static bool AreTrivial(List<int[]> assignments)
    {
        foreach (var brokers in assignments)
        {
            if (brokers is not [CallContext.NodeId])
                return false;
        }
        return true;
    }
}
