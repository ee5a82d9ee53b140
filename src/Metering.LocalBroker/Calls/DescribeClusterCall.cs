using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>A cluster of one.</summary>
internal static class DescribeClusterCall
{
    private const sbyte Brokers = 1;

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var tellOperations = request.Bool();
        var endpointType = context.Version >= 1 ? request.Int8() : Brokers;
        request.Tags();

        var error = endpointType switch
        {
            Brokers => ErrorCode.None,
            2 => ErrorCode.MismatchedEndpointType,
            _ => ErrorCode.UnsupportedEndpointType,
        };
        reply.Int32(0);
        reply.Error(error);
        reply.String(error == ErrorCode.None ? null : "The request was sent to an endpoint of the wrong type: this is a broker.");
        if (context.Version >= 1)
            reply.Int8(Brokers);
        reply.String(error == ErrorCode.None ? context.ClusterId : "");
        reply.Int32(error == ErrorCode.None ? CallContext.NodeId : -1);
        if (error == ErrorCode.None)
            BrokerFields.WriteBrokers(context, reply, withRack: true);
        else
            reply.Array(0);
        reply.Int32(tellOperations ? BrokerFields.ClusterOperations : BrokerFields.NoOperationsTold);
        reply.Tags();
        return 0;
    }
}
