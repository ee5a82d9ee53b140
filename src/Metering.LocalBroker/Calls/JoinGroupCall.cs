using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Joins a group and waits until all have. A client that goes away meanwhile stays a member until its session ends.</summary>
internal static class JoinGroupCall
{
    public static async ValueTask<long> AnswerAsync(CallContext context, ReadOnlyMemory<byte> body, ProtocolWriter reply)
    {
        var request = Read(context, body);
        var answer = context.State is { } state
            ? await state.Groups.JoinAsync(request).WaitAsync(context.Aborted)
            : new JoinAnswer(ErrorCode.CoordinatorNotAvailable, -1, "", "", request.MemberId, []);
        Write(context.Version, request.ProtocolType, answer, reply);
        return 0;
    }

    private static JoinRequest Read(CallContext context, ReadOnlyMemory<byte> body)
    {
        var version = context.Version;
        var request = context.Reader(body);
        var group = request.String();
        var sessionTimeoutMs = request.Int32();
        var rebalanceTimeoutMs = version >= 1 ? request.Int32() : sessionTimeoutMs;
        var memberId = request.String();
        var instanceId = version >= 5 ? request.NullableString() : null;
        var protocolType = request.String();
        var count = request.Array();
        var protocols = new List<(string, byte[])>(count);
        for (var i = 0; i < count; i++)
        {
            var name = request.String();
            protocols.Add((name, request.Bytes().ToArray()));
            request.Tags();
        }
        if (version >= 8)
            request.NullableString();
        request.Tags();
        // A static member is known by its own name.
        var requireKnownMemberId = version >= 4 && instanceId is null;
        return new JoinRequest(
            group, memberId, instanceId, context.ClientId, context.ClientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols, requireKnownMemberId,
            CanSkipAssignment: version >= 9);
    }

    private static void Write(short version, string protocolType, JoinAnswer answer, ProtocolWriter reply)
    {
        if (version >= 2)
            reply.Int32(0);
        reply.Error(answer.Error);
        reply.Int32(answer.Generation);
        var failed = answer.Error != ErrorCode.None;
        if (version >= 7)
            reply.String(failed ? null : protocolType);
        reply.String(failed && version >= 7 ? null : answer.Protocol);
        reply.String(answer.Leader);
        if (version >= 9)
            reply.Bool(answer.SkipAssignment);
        reply.String(answer.MemberId);
        reply.Array(answer.Members.Count);
        foreach (var (memberId, instanceId, metadata) in answer.Members)
        {
            reply.String(memberId);
            if (version >= 5)
                reply.String(instanceId);
            reply.Bytes(metadata);
            reply.Tags();
        }
        reply.Tags();
    }
}
