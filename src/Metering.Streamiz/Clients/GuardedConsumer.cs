using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Streamiz.Tasks;
using Streamiz.Kafka.Net.Kafka;

namespace Metering.Streamiz.Clients;

/// <summary>
/// The group's member that Streamiz polls. It takes partitions over in the right order before Streamiz makes its tasks (R8),
/// tells the tasks which offsets follow each other (R10), and ends the run when the group took partitions away. Stream
/// thread only; the handlers run inside <see cref="Consume"/>.
/// </summary>
internal sealed class GuardedConsumer(IConsumer<byte[], byte[]> inner, HostSession session) : ForwardingConsumer(inner)
{
    public static GuardedConsumer Build(HostSession session, ConsumerConfig config, IConsumerRebalanceListener listener)
    {
        var takeover = new Takeover(session);
        var inner = new ConsumerBuilder<byte[], byte[]>(config)
            .SetPartitionsAssignedHandler((consumer, partitions) =>
            {
                var starts = takeover.Begin(consumer, partitions);
                if (!session.HasFailed)
                    listener.PartitionsAssigned(consumer, partitions);
                return starts;
            })
            .SetPartitionsRevokedHandler((consumer, partitions) =>
            {
                // The commit that Streamiz makes here is still in the old generation. After a failure there is none.
                if (!session.HasFailed)
                    listener.PartitionsRevoked(consumer, partitions);
                session.Revoked(partitions);
            })
            // Streamiz 1.8.2 hears of a loss as if partitions were given back, and would commit them.
            .SetPartitionsLostHandler((_, _) => session.Fail(Failures.Kafka(ErrorCode.UnknownMemberId, "the group has gone on without this member")))
            .SetLogHandler((_, message) => ClientLog.Write(session.Logger, message))
            .SetErrorHandler((_, error) => ClientLog.Write(session.Logger, error))
            .Build();
        var guarded = new GuardedConsumer(inner, session);
        session.JoinAs(guarded);
        return guarded;
    }

    public override ConsumeResult<byte[], byte[]>? Consume(TimeSpan timeout)
    {
        session.ThrowIfFailed();
        try
        {
            return Inner.Consume(Polls.Clamp(timeout, StreamizRun.Poll)) is { } record ? Take(record) : null;
        }
        catch (ConsumeException e) when (e.Error.Code == ErrorCode.Local_AutoOffsetReset)
        {
            throw session.OutOfRange(e.ConsumerRecord.TopicPartition, e.Error.Reason);    // R13
        }
        catch (ConsumeException e) when (!TaskFailures.StopsStage(e.Error))
        {
            // What the client mends by itself.
            ClientLog.Write(session.Logger, e.Error);
            return null;
        }
        catch (Exception e)
        {
            session.Fail(e is ConsumeException { Error: var error } ? Failures.Stage(error, session.Group) : e);
            throw;
        }
    }

    private ConsumeResult<byte[], byte[]>? Take(ConsumeResult<byte[], byte[]> record)
    {
        if (record.IsPartitionEOF)
        {
            session.AtEnd(record.Partition.Value, record.Offset.Value);
            return null;
        }
        // Streamiz drops a record without a key before a processor with state, and only logs it.
        record.Message.Key ??= [];
        session.Fetched(record.Partition.Value, record.Offset.Value);
        return record;
    }
}
