using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Who coordinates a group or a transactional id: this broker. From version 4 on one call asks for many.</summary>
internal static class FindCoordinatorCall
{
    private const short FirstWithMany = 4;
    private const sbyte Group = 0;
    private const sbyte Transaction = 1;

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        if (version < FirstWithMany)
            request.String();
        var keyType = version >= 1 ? request.Int8() : Group;
        var keys = version >= FirstWithMany ? ReadKeys(ref request) : null;
        request.Tags();
        var error = keyType is not (Group or Transaction) ? ErrorCode.InvalidRequest
            : context.State is null ? ErrorCode.CoordinatorNotAvailable
            : ErrorCode.None;
        if (version >= 1)
            reply.Int32(0);
        if (keys is null)
            WriteOne(context, error, reply);
        else
            WriteMany(context, error, keys, reply);
        reply.Tags();
        return 0;
    }

    private static string[] ReadKeys(ref ProtocolReader request)
    {
        var keys = new string[request.Array()];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = request.String();
        return keys;
    }

    private static void WriteOne(CallContext context, ErrorCode error, ProtocolWriter reply)
    {
        reply.Error(error);
        if (context.Version >= 1)
            reply.String(Message(error));
        WriteNode(context, error, reply);
    }

    private static void WriteMany(CallContext context, ErrorCode error, string[] keys, ProtocolWriter reply)
    {
        reply.Array(keys.Length);
        foreach (var key in keys)
        {
            reply.String(key);
            WriteNode(context, error, reply);
            reply.Error(error);
            reply.String(Message(error));
            reply.Tags();
        }
    }

    private static void WriteNode(CallContext context, ErrorCode error, ProtocolWriter reply)
    {
        var found = error == ErrorCode.None;
        reply.Int32(found ? CallContext.NodeId : -1);
        reply.String(found ? context.Host : "");
        reply.Int32(found ? context.Port : -1);
    }

    private static string Message(ErrorCode error) => error switch
    {
        ErrorCode.None => "NONE",
        ErrorCode.InvalidRequest => "There are coordinators of groups and of transactions only.",
        _ => "The disk fails: nothing is coordinated until it is back.",
    };
}
