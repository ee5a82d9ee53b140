using System.Buffers.Binary;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>Appends one batch to each of some partitions; each succeeds or fails for itself. All entries are appended before the
/// reply waits for the last one to be durable.</summary>
internal static class ProduceCall
{
    private const short AcksAll = -1;

    // Of a record batch: where its header says what kind it is and who sent it.
    private const int HeaderBytes = 61;
    private const int MagicAt = 16;
    private const int AttributesAt = 21;
    private const int ProducerIdAt = 43;
    private const int ProducerEpochAt = 51;
    private const short TransactionalBit = 1 << 4;

    /// <summary>The first version that may carry batches of magic 2.</summary>
    private const short FirstWithBatches = 3;

    private struct Part
    {
        public string? NextTopic;
        public int PartitionsOfTopic;
        public int Index;
        public (int Start, int Length) Records;
    }

    public static long Answer(CallContext context, ref ProtocolReader request, ProtocolWriter reply)
    {
        var version = context.Version;
        var transactionalId = version >= 3 ? request.NullableString() : null;
        var acks = request.Int16();
        request.Int32();
        var parts = ReadParts(ref request, out var topics);

        var refusal = context.State is null ? StorageError(version) : Check(version, acks, transactionalId, parts, ref request);
        context.NoReply = acks == 0;
        reply.Array(topics);
        long entry = 0;
        if (context.State is { } state)
        {
            lock (state.Gate)
                entry = Append(context, state, refusal, transactionalId, parts, ref request, reply);
        }
        else
        {
            Append(context, null, refusal, transactionalId, parts, ref request, reply);
        }
        if (version >= 1)
            reply.Int32(0);
        reply.Tags();
        return acks == 0 ? 0 : entry;
    }

    private static List<Part> ReadParts(ref ProtocolReader request, out int topics)
    {
        topics = request.Array();
        var parts = new List<Part>(topics);
        for (var i = 0; i < topics; i++)
        {
            var topic = request.String();
            var partitions = request.Array();
            for (var j = 0; j < partitions; j++)
            {
                parts.Add(new Part
                {
                    NextTopic = j == 0 ? topic : null,
                    PartitionsOfTopic = partitions,
                    Index = request.Int32(),
                    Records = request.NullableRange(),
                });
                request.Tags();
            }
            if (partitions == 0)
                parts.Add(new Part { NextTopic = topic });
            request.Tags();
        }
        request.Tags();
        return parts;
    }

    /// <summary>What is wrong with the request as a whole.</summary>
    private static ErrorCode Check(short version, short acks, string? transactionalId, List<Part> parts, ref ProtocolReader request)
    {
        if (acks is not (0 or 1 or AcksAll))
            return ErrorCode.InvalidRequiredAcks;
        if (version < FirstWithBatches)
            return ErrorCode.UnsupportedForMessageFormat;
        if (transactionalId is not null)
            return ErrorCode.None;
        foreach (var part in parts)
        {
            if (IsTransactional(request.At(part.Records)))
                return ErrorCode.TransactionalIdAuthorizationFailed;
        }
        return ErrorCode.None;
    }

    private static long Append(
        CallContext context, BrokerState? state, ErrorCode refusal, string? transactionalId, List<Part> parts, ref ProtocolReader request, ProtocolWriter reply)
    {
        var nowMs = context.NowMs;
        var topic = "";
        var left = 0;
        long entry = 0;
        foreach (var part in parts)
        {
            if (part.NextTopic is { } next)
            {
                topic = next;
                left = part.PartitionsOfTopic;
                reply.String(topic);
                reply.Array(left);
            }
            if (left > 0)
            {
                var result = refusal == ErrorCode.None && state is not null
                    ? AppendPart(state, transactionalId, topic, part, request.At(part.Records), nowMs)
                    : Failed(refusal);
                // Without acknowledgements a closed connection is the only way to tell of a failure, as in Kafka.
                if (context.NoReply && result.Error != ErrorCode.None)
                    context.CloseAfterwards = true;
                entry = Math.Max(entry, result.Entry);
                Write(context.Version, part.Index, result, reply);
                left--;
            }
            if (left == 0)
                reply.Tags();
        }
        return entry;
    }

    private static AppendResult AppendPart(BrokerState state, string? transactionalId, string topic, in Part part, ReadOnlySpan<byte> records, long nowMs)
    {
        if (part.Records.Length < 0)
            return Failed(ErrorCode.InvalidRecord, "a produce request must have a record batch for each partition");
        if (state.Topics.Find(topic, part.Index) is not { } log)
            return Failed(ErrorCode.UnknownTopicOrPartition);
        if (transactionalId is not null && IsTransactional(records))
        {
            var producerId = BinaryPrimitives.ReadInt64BigEndian(records[ProducerIdAt..]);
            var epoch = BinaryPrimitives.ReadInt16BigEndian(records[ProducerEpochAt..]);
            var error = state.Transactions.CheckAppend(transactionalId, producerId, epoch, topic, part.Index);
            if (error != ErrorCode.None)
                return Failed(error);
        }
        return log.Append(records, nowMs);
    }

    private static void Write(short version, int partition, in AppendResult result, ProtocolWriter reply)
    {
        var failed = result.Error != ErrorCode.None;
        reply.Int32(partition);
        // Produce knows a fenced producer by its epoch only.
        reply.Error(result.Error == ErrorCode.ProducerFenced ? ErrorCode.InvalidProducerEpoch : result.Error, StorageError(version));
        reply.Int64(failed ? -1 : result.BaseOffset);
        if (version >= 2)
            reply.Int64(failed ? -1 : result.LogAppendTimeMs);
        if (version >= 5)
            reply.Int64(failed ? -1 : result.StartOffset);
        if (version >= 8)
        {
            reply.Array(0);
            reply.String(result.Message);
        }
        reply.Tags();
    }

    private static AppendResult Failed(ErrorCode error, string? message = null) => new(error, message, -1, -1, -1, 0);

    private static bool IsTransactional(ReadOnlySpan<byte> records) =>
        records.Length >= HeaderBytes && records[MagicAt] == 2 && (BinaryPrimitives.ReadInt16BigEndian(records[AttributesAt..]) & TransactionalBit) != 0;

    /// <summary>Before version 4 clients do not know it, and try again on this.</summary>
    private static ErrorCode StorageError(short version) => version >= 4 ? ErrorCode.KafkaStorageError : ErrorCode.NotLeaderOrFollower;
}
