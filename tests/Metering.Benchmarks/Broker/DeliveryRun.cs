using System.Buffers.Binary;
using System.Diagnostics;
using Confluent.Kafka;

namespace Metering.Benchmarks.Broker;

/// <summary>From the call of Produce to the record in the consumer's hands, at 1,000 records a second.</summary>
internal static class DeliveryRun
{
    public const string P50 = "produce to fetch at 1,000/s p50", P99 = "produce to fetch at 1,000/s p99";

    // The first second is not counted: connections are made and metadata fetched.
    private const int ARecordsSecond = 1_000, WarmUp = 1_000, Records = 5_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static Task MeasureAsync(BrokerUnderTest broker) => broker.WithTopicAsync(topic =>
    {
        using var consumer = broker.Consumer();
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        var writer = new Thread(() => Write(broker, topic));
        writer.Start();
        var took = new List<double>(Records);
        for (var i = 0; i < Records; i++)
        {
            var record = consumer.Consume(Patience) ?? throw new InvalidOperationException($"{broker.Name} delivered {i} of {Records} records");
            var sent = BinaryPrimitives.ReadInt64LittleEndian(record.Message.Value);
            if (i >= WarmUp)
                took.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }
        writer.Join();
        took.Sort();
        broker.Add(P50, took[took.Count / 2]);
        broker.Add(P99, took[took.Count * 99 / 100]);
    });

    private static void Write(BrokerUnderTest broker, string topic)
    {
        using var producer = broker.Producer(config => config.LingerMs = 0);
        using var never = new ManualResetEventSlim();
        var start = Stopwatch.GetTimestamp();
        for (var sent = 0; sent < Records;)
        {
            for (var due = Math.Min(Records, (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * ARecordsSecond)); sent < due; sent++)
            {
                var value = new byte[250];
                BinaryPrimitives.WriteInt64LittleEndian(value, Stopwatch.GetTimestamp());
                producer.Produce(topic, new Message<byte[]?, byte[]> { Value = value });
            }
            never.Wait(1);
        }
        producer.Flush(Patience);
    }
}
