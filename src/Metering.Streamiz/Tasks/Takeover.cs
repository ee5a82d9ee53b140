using Confluent.Kafka;
using Metering.Kafka.Tasks;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Streamiz.Tasks;

/// <summary>
/// R8's order, before Streamiz makes the tasks of an assignment: fence the other host, then the group's offsets are stable,
/// and only then the changelogs' ends are asked for. Streamiz by itself asks for both at the same time.
/// </summary>
internal sealed class Takeover(HostSession session)
{
    // Longer than a transaction that its owner left can stay undecided.
    private static readonly TimeSpan Patience = KafkaSettings.TransactionTimeout + TimeSpan.FromSeconds(5);

    private bool _hasJoined;

    /// <summary>Where the input begins. On an error the run has failed, and nothing that it returns matters.</summary>
    public List<TopicPartitionOffset> Begin(IConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions)
    {
        try
        {
            session.ThrowIfFailed();
            if (!_hasJoined)
                session.Progress.Joined(partitions.ConvertAll(source => source.Partition.Value));
            _hasJoined = true;
            foreach (var source in partitions)
                FenceOtherHost(source.Partition.Value);
            return partitions.Count == 0 ? [] : consumer.Committed(partitions, Patience).ConvertAll(committed => StartOf(consumer, committed));
        }
        catch (Exception e)
        {
            session.Fail(e);
            return partitions.ConvertAll(source => new TopicPartitionOffset(source, Offset.Beginning));
        }
    }

    private TopicPartitionOffset StartOf(IConsumer<byte[], byte[]> consumer, TopicPartitionOffset committed)
    {
        var source = committed.TopicPartition;
        // R13: a first start begins at the beginning, by decision; the rest is checked when the state is there.
        long? offset = committed.Offset == Offset.Unset ? null : committed.Offset.Value;
        var start = offset ?? consumer.QueryWatermarkOffsets(source, Patience).Low.Value;
        session.BeginAt(source.Partition.Value, new(offset, start));
        return new(source, start);
    }

    // Our own host's producer of this partition, should one still be about: it trusts in being fenced like this.
    private void FenceOtherHost(int partition)
    {
        var id = StageContext.TransactionalId(session.Options, partition);
        using var producer = new ProducerBuilder<byte[], byte[]>(session.Settings.TransactionalProducer(id))
            .SetLogHandler((_, message) => ClientLog.Write(session.Logger, message))
            .Build();
        producer.InitTransactions(Patience);
    }
}
