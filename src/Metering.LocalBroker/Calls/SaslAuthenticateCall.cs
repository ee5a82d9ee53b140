using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Name and password. Who fails is told and loses the connection.</summary>
internal static class SaslAuthenticateCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var token = request.Bytes();
        request.Tags();
        var error = context.Sasl.Authenticate(token);
        context.CloseAfterwards = error == ErrorCode.SaslAuthenticationFailed;
        reply.Error(error);
        reply.String(error switch
        {
            ErrorCode.None => null,
            ErrorCode.SaslAuthenticationFailed => "Authentication failed: Invalid username or password",
            _ => "SaslAuthenticate request received out of turn: SASL_PLAINTEXT is off, or no SaslHandshake came before it",
        });
        reply.Bytes([]);
        if (context.Version >= 1)
            reply.Int64(0);
        reply.Tags();
        return 0;
    }

    /// <summary>A bare token, after SaslHandshake v0: an empty frame says yes, a closed connection no.</summary>
    public static Reply AnswerToken(CallContext context, ReadOnlySpan<byte> token) =>
        context.Sasl.Authenticate(token) == ErrorCode.None
            ? new Reply(new ProtocolWriter(flexible: false), null, 0, CloseAfterwards: false)
            : throw new MalformedRequestException("authentication failed");
}
