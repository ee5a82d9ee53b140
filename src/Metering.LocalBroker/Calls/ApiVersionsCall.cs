using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Which calls and versions this broker speaks: the table, as it is.</summary>
internal static class ApiVersionsCall
{
    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        if (context.Version >= 3)
        {
            request.String();
            request.String();
        }
        request.Tags();
        Write(reply, ErrorCode.None);
        if (context.Version >= 1)
            reply.Int32(0);
        reply.Tags();
        return 0;
    }

    /// <summary>In version 0, which every client reads: it then takes a version from the list.</summary>
    public static long AnswerUnsupported(ProtocolWriter reply)
    {
        Write(reply, ErrorCode.UnsupportedVersion);
        return 0;
    }

    private static void Write(ProtocolWriter reply, ErrorCode error)
    {
        reply.Error(error);
        reply.Array(CallTable.Calls.Count);
        foreach (var call in CallTable.Calls)
        {
            reply.Int16((short)call.Key);
            reply.Int16(call.Min);
            reply.Int16(call.Max);
            reply.Tags();
        }
    }
}
