using System.Diagnostics;
using Confluent.Kafka;
using Metering.Testing;

namespace Metering.Benchmarks.Broker;

/// <summary>A transaction as METER makes it: records, a group's offset, commit; from its begin to the commit's answer.</summary>
internal static class CommitRun
{
    public const string Spaced = "transaction each 50 ms", BackToBack = "transactions back to back";

    private const int RecordsEach = 200, SpacedCount = 40, BackToBackCount = 80, WarmUp = 5;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50), Patience = TimeSpan.FromSeconds(30);

    public static Task MeasureAsync(BrokerUnderTest broker) => broker.WithTopicAsync(topic =>
    {
        var name = KafkaFixture.UniquePrefix() + "bench";
        using var consumer = broker.Consumer(config => config.GroupId = name);
        using var producer = broker.Producer(config => config.TransactionalId = name);
        producer.InitTransactions(Patience);
        Measure(broker, Spaced, SpacedCount, Interval);
        Measure(broker, BackToBack, BackToBackCount, TimeSpan.Zero);

        void Measure(BrokerUnderTest on, string what, int count, TimeSpan interval)
        {
            using var never = new ManualResetEventSlim();
            var took = new List<double>(count);
            for (var i = 0; i < count + WarmUp; i++)
            {
                var start = Stopwatch.GetTimestamp();
                Transact(producer, consumer, topic, i);
                if (i >= WarmUp)
                    took.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                if (interval > TimeSpan.Zero)
                    never.Wait(interval);
            }
            took.Sort();
            on.Add(what + " p50", took[took.Count / 2]);
            on.Add(what + " p99", took[took.Count * 99 / 100]);
        }
    });

    private static void Transact(IProducer<byte[]?, byte[]> producer, IConsumer<byte[]?, byte[]> consumer, string topic, int number)
    {
        producer.BeginTransaction();
        for (var i = 0; i < RecordsEach; i++)
            producer.Produce(topic, new Message<byte[]?, byte[]> { Value = new byte[250] });
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, number)], consumer.ConsumerGroupMetadata, Patience);
        producer.CommitTransaction(Patience);
    }
}
