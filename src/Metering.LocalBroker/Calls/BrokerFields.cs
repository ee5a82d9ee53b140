using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Fields that several replies have: the one broker, and what a client may do here (everything).</summary>
internal static class BrokerFields
{
    /// <summary>The client did not ask which operations it may do.</summary>
    public const int NoOperationsTold = int.MinValue;

    // One bit for each of Kafka's operations that the kind of resource has: read 3, write 4, create 5, delete 6, alter 7,
    // describe 8, cluster action 9, describe configs 10, alter configs 11, idempotent write 12.
    public const int TopicOperations = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
    public const int GroupOperations = 1 << 3 | 1 << 6 | 1 << 8;
    public const int ClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

    public static void WriteBrokers(CallContext context, ProtocolWriter reply, bool withRack)
    {
        reply.Array(1);
        reply.Int32(CallContext.NodeId);
        reply.String(context.Host);
        reply.Int32(context.Port);
        if (withRack)
            reply.String(null);
        reply.Tags();
    }

    /// <summary>A list of nodes with the one that there is.</summary>
    public static void WriteSelf(ProtocolWriter reply)
    {
        reply.Array(1);
        reply.Int32(CallContext.NodeId);
    }

    /// <summary>A partition's leader epoch as the client knows it: −1 = it does not say.</summary>
    public static ErrorCode CheckLeaderEpoch(int epoch) => epoch switch
    {
        -1 or CallContext.LeaderEpoch => ErrorCode.None,
        > CallContext.LeaderEpoch => ErrorCode.UnknownLeaderEpoch,
        _ => ErrorCode.FencedLeaderEpoch,
    };
}
