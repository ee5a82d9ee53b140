using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>The client names its SASL mechanism. After version 0 its token comes bare, after version 1 in SaslAuthenticate.</summary>
internal static class SaslHandshakeCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var error = context.Sasl.Handshake(request.String(), bareToken: context.Version == 0);
        context.CloseAfterwards = error != ErrorCode.None && context.Sasl.IsRequired;
        reply.Error(error);
        reply.Array(context.Sasl.IsRequired ? 1 : 0);
        if (context.Sasl.IsRequired)
            reply.String(SaslState.Mechanism);
        return 0;
    }
}
