using System.Diagnostics;
using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Streamiz.Tasks;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Streamiz.Clients;

/// <summary>
/// The transactional producer that Streamiz drives. What it commits are the tasks' own positions, with the membership of a
/// group that has not gone on (R8); after the first error it does nothing any more, whatever Streamiz tries (R11): its run
/// ends, and the next one rebuilds from the changelog. Stream thread only.
/// </summary>
internal sealed class GuardedProducer(IProducer<byte[], byte[]> inner, HostSession session) : ForwardingProducer(inner)
{
    private static readonly TimeSpan CallTimeout = KafkaSettings.TransactionTimeout;
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(2);

    private bool _isOpen;

    public override void InitTransactions(TimeSpan timeout) => Call(() => Retry(() => Inner.InitTransactions(CallTimeout)));

    public override void BeginTransaction() => Call(() =>
    {
        Inner.BeginTransaction();
        _isOpen = true;
    });

    public override void Produce(TopicPartition topicPartition, Message<byte[], byte[]> message, Action<DeliveryReport<byte[], byte[]>>? deliveryHandler = null)
    {
        session.ThrowIfFailed();
        if (!_isOpen)
            throw session.Fail(new InvalidOperationException($"a record for {topicPartition.Topic} was sent outside of a transaction"));
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                Inner.Produce(topicPartition, message, deliveryHandler);
                return;
            }
            catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull && Stopwatch.GetElapsedTime(start) < CallTimeout / 2)
            {
                Inner.Flush(TimeSpan.FromMilliseconds(100));
            }
            catch (KafkaException e)
            {
                throw session.Fail(e);
            }
        }
    }

    // Streamiz's own offsets are those of the records it has handed on, and none at all when only a report was sent. Ours are
    // those that state and output were sent with, unchanged ones too (R8): without offsets the group fences nobody.
    public override void SendOffsetsToTransaction(IEnumerable<TopicPartitionOffset> offsets, IConsumerGroupMetadata groupMetadata, TimeSpan timeout) => Call(() =>
    {
        var positions = session.PositionsToCommit(offsets);
        if (positions.Count == 0)
            return;
        // The membership was read before this check. Who is no member any more has none to show, and a broker may take offsets
        // that show none without asking (KIP-447 keeps old clients going): then nothing would fence it.
        if (string.IsNullOrEmpty(session.MemberId))
            throw Failures.Kafka(ErrorCode.UnknownMemberId, "the group has gone on without this member");
        Retry(() => Inner.SendOffsetsToTransaction(positions, groupMetadata, CallTimeout));
        session.Reach(CommitPoint.AfterOffsets);
    });

    public override void CommitTransaction() => Call(() =>
    {
        Retry(() => Inner.CommitTransaction(CallTimeout));
        _isOpen = false;
        session.Reach(CommitPoint.AfterCommit);
        session.Committed();
    });

    public override void CommitTransaction(TimeSpan timeout) => CommitTransaction();

    public override void AbortTransaction(TimeSpan timeout) => AbortTransaction();

    /// <summary>Streamiz aborts where it means to go on with the same memory; here a run that lost a transaction has ended.</summary>
    public override void AbortTransaction()
    {
        if (_isOpen)
            session.Fail(Failures.Kafka(ErrorCode.Local_State, "Streamiz gave its transaction up"));
    }

    /// <summary>After the run: readers of the output need not wait for the coordinator to time the transaction out.</summary>
    public void AbandonTransaction()
    {
        if (!_isOpen || IsDisposed)
            return;
        try
        {
            Inner.AbortTransaction(AbortPatience);
        }
        catch (KafkaException e)
        {
            // Fenced, or a commit was under way: the coordinator decides.
            ClientLog.Write(session.Logger, e.Error);
        }
    }

    private void Call(Action call)
    {
        session.ThrowIfFailed();
        try
        {
            call();
        }
        catch (Exception e)
        {
            throw session.Fail(e);
        }
    }

    // Retriable errors: again, while the transaction can still live.
    private void Retry(Action call)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                call();
                return;
            }
            catch (KafkaRetriableException) when (Stopwatch.GetElapsedTime(start) < CallTimeout && session.Pause(TimeSpan.FromMilliseconds(Random.Shared.Next(20, 100))))
            {
                continue;
            }
        }
    }
}
