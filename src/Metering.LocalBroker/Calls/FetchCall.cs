using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>
/// Reads batches. Waits until there are min_bytes or max_wait is over, woken by whatever becomes readable; an error in any
/// partition is told at once. Sessions are declined (session id 0): each request names all its partitions.
/// </summary>
internal static class FetchCall
{
    /// <summary>What a partition's fields take in the reply beside its records and aborted transactions.</summary>
    private const int PartitionBytes = 64;

    public static async ValueTask<long> AnswerAsync(CallContext context, ReadOnlyMemory<byte> body, ProtocolWriter reply)
    {
        var request = FetchRequest.Read(context, body);
        var refusal = request.CheckSession();
        if (refusal != ErrorCode.None)
        {
            WriteHead(context.Version, refusal, 0, reply);
            reply.Tags();
            return 0;
        }
        var plans = new FetchPlan(request);
        if (context.State is not { } state || plans.Make(state, null))
        {
            Write(context, request, plans, reply);
            return 0;
        }
        using (var waiter = new FetchWaiter(context.Options.Time, request.MaxWait, context.Aborted))
        {
            // From here on nothing that arrives is missed: the watch begins under the gate, with another look.
            for (var isReady = plans.Make(state, waiter); !isReady && await waiter.WaitAsync(); isReady = plans.Make(state, null))
            {
                if (ReferenceEquals(context.CurrentState(), state))
                    continue;
                // The disk failed, and the logs that we watch are no more.
                plans.Drop();
                break;
            }
            plans.Unwatch(state, waiter);
        }
        Write(context, request, plans, reply);
        return 0;
    }

    private static void WriteHead(short version, ErrorCode error, int topics, ProtocolWriter reply)
    {
        reply.Int32(0);
        if (version >= 7)
        {
            reply.Error(error);
            reply.Int32(0);
        }
        reply.Array(topics);
    }

    private static void Write(CallContext context, FetchRequest request, FetchPlan plans, ProtocolWriter reply)
    {
        var version = context.Version;
        WriteHead(version, ErrorCode.None, request.Topics.Count, reply);
        reply.Expect(plans.Bytes + (PartitionBytes * request.Partitions.Count));
        var index = 0;
        foreach (var (topic, partitions) in request.Topics)
        {
            if (version >= FetchRequest.FirstWithIds)
                reply.Uuid(topic.Id);
            else
                reply.String(topic.Name);
            reply.Array(partitions);
            for (var end = index + partitions; index < end; index++)
                WritePartition(version, request, request.Partitions[index].Index, plans.Of(index), reply);
            reply.Tags();
        }
        reply.Tags();
    }

    private static void WritePartition(short version, FetchRequest request, int partition, (ErrorCode Error, ReadPlan? Plan) planned, ProtocolWriter reply)
    {
        var (error, plan) = planned;
        reply.Int32(partition);
        var errorAt = reply.Position;
        reply.Error(Known(version, error));
        reply.Int64(plan?.HighWatermark ?? -1);
        reply.Int64(plan?.StableOffset ?? -1);
        if (version >= 5)
            reply.Int64(plan?.StartOffset ?? -1);
        if (plan is null || !request.CommittedOnly)
        {
            reply.Array(plan is null ? 0 : -1);
        }
        else
        {
            reply.Array(plan.Aborted.Count);
            foreach (var aborted in plan.Aborted)
            {
                reply.Int64(aborted.ProducerId);
                reply.Int64(aborted.FirstOffset);
                reply.Tags();
            }
        }
        if (version >= 11)
            reply.Int32(-1);
        // The read is outside the gate, into the reply itself; its length is known only then.
        var most = plan?.Bytes ?? 0;
        var count = 0;
        var recordsAt = reply.BeginBytes(most);
        if (plan is not null && most > 0)
        {
            (var readError, count) = plan.Read(reply.Room(most)[..most]);
            if (readError != ErrorCode.None)
            {
                count = 0;
                reply.PatchError(errorAt, Known(version, readError));
            }
        }
        reply.EndBytes(recordsAt, count);
        reply.Tags();
    }

    /// <summary>Before version 6 clients do not know a storage error, and try again on the other.</summary>
    private static ErrorCode Known(short version, ErrorCode error) =>
        error == ErrorCode.KafkaStorageError && version < 6 ? ErrorCode.NotLeaderOrFollower : error;
}
