using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>The leader brings the assignments, the others wait for theirs.</summary>
internal static class SyncGroupCall
{
    private const short FirstWithProtocol = 5;

    public static async ValueTask<long> AnswerAsync(CallContext context, ReadOnlyMemory<byte> body, ProtocolWriter reply)
    {
        var request = Read(context, body);
        var mustSayProtocol = context.Version >= FirstWithProtocol;
        var answer = mustSayProtocol && (request.ProtocolType is null || request.Protocol is null) ? new SyncAnswer(ErrorCode.InconsistentGroupProtocol, [])
            : context.State is { } state ? await state.Groups.SyncAsync(request).WaitAsync(context.Aborted)
            : new SyncAnswer(ErrorCode.CoordinatorNotAvailable, []);
        if (context.Version >= 1)
            reply.Int32(0);
        reply.Error(answer.Error);
        if (mustSayProtocol)
        {
            var failed = answer.Error != ErrorCode.None;
            reply.String(failed ? null : request.ProtocolType);
            reply.String(failed ? null : request.Protocol);
        }
        reply.Bytes(answer.Assignment);
        reply.Tags();
        return 0;
    }

    private static SyncRequest Read(CallContext context, ReadOnlyMemory<byte> body)
    {
        var request = context.Reader(body);
        var group = request.String();
        var generation = request.Int32();
        var memberId = request.String();
        var instanceId = context.Version >= 3 ? request.NullableString() : null;
        var protocolType = context.Version >= FirstWithProtocol ? request.NullableString() : null;
        var protocol = context.Version >= FirstWithProtocol ? request.NullableString() : null;
        var count = request.Array();
        var assignments = new List<(string, byte[])>(count);
        for (var i = 0; i < count; i++)
        {
            var member = request.String();
            assignments.Add((member, request.Bytes().ToArray()));
            request.Tags();
        }
        request.Tags();
        return new SyncRequest(group, generation, memberId, instanceId, assignments, protocolType, protocol);
    }
}
