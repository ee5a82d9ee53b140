using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Restart;

/// <summary>Writes numbered transactions, a record to each partition and the number as a group's offset, through whatever
/// happens to the broker; knows of each whether it is committed, aborted, or open to either.</summary>
internal sealed class TransactionWriter(BrokerFixture broker, string topic, int partitions, string source)
{
    private readonly string _id = BrokerFixture.Unique("txn");

    public string Group { get; } = BrokerFixture.Unique("group");

    public List<long> Committed { get; } = [];

    public List<long> Aborted { get; } = [];

    public void Run(CancellationToken stop)
    {
        using var consumer = broker.Consumer(config => config.GroupId = Group);
        for (var number = 1L; !stop.IsCancellationRequested;)
        {
            IProducer<byte[]?, byte[]?>? producer = null;
            try
            {
                producer = broker.Transactional(_id, config => (config.RetryBackoffMs, config.MessageTimeoutMs) = (10, 20_000));
                while (!stop.IsCancellationRequested)
                    Write(producer, consumer.ConsumerGroupMetadata, number++);
            }
            catch (KafkaException)
            {
                // Its outcome is unknown: a producer of the same id settles it, and the next number is written.
            }
            Abandon(producer);
        }
    }

    // Ending one waits for what is on its way; the next one need not.
    private static void Abandon(IProducer<byte[]?, byte[]?>? producer) => new Thread(() => producer?.Dispose()) { IsBackground = true }.Start();

    private void Write(IProducer<byte[]?, byte[]?> producer, IConsumerGroupMetadata offsetsOf, long number)
    {
        try
        {
            producer.BeginTransaction();
            for (var partition = 0; partition < partitions; partition++)
                producer.Produce(new TopicPartition(topic, partition), new() { Value = System.Text.Encoding.UTF8.GetBytes($"{number}") });
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(source, 0, number)], offsetsOf, BrokerFixture.Patience);
            if (number % 5 == 0)
            {
                producer.AbortTransaction(BrokerFixture.Patience);
                Aborted.Add(number);
                return;
            }
            producer.CommitTransaction(BrokerFixture.Patience);
            Committed.Add(number);
        }
        catch (KafkaTxnRequiresAbortException)
        {
            producer.AbortTransaction(BrokerFixture.Patience);
            Aborted.Add(number);
        }
    }
}
