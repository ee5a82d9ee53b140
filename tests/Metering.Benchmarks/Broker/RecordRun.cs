using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;

namespace Metering.Benchmarks.Broker;

/// <summary>So many records of one size into one partition, all acknowledged; then all of them out again.</summary>
internal sealed record RecordRun(int ValueBytes, int Records)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public string Produce { get; } = string.Create(CultureInfo.InvariantCulture, $"produce {ValueBytes:#,0} B");

    public string Fetch { get; } = string.Create(CultureInfo.InvariantCulture, $"fetch {ValueBytes:#,0} B");

    public Task MeasureAsync(BrokerUnderTest broker) => broker.WithTopicAsync(topic =>
    {
        broker.Add(Produce, MegabytesASecond(() => Write(broker, topic)));
        broker.Add(Fetch, MegabytesASecond(() => Read(broker, topic)));
    });

    private double MegabytesASecond(Action run)
    {
        var start = Stopwatch.GetTimestamp();
        run();
        return (double)ValueBytes * Records / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private void Write(BrokerUnderTest broker, string topic)
    {
        var (acknowledged, refused) = (0, (Error?)null);
        var random = new Random(1);
        // Incompressible, and not the same bytes each time.
        var values = Enumerable.Range(0, 64).Select(_ =>
        {
            var value = new byte[ValueBytes];
            random.NextBytes(value);
            return value;
        }).ToArray();
        var where = new TopicPartition(topic, 0);
        using var producer = broker.Producer();
        for (var i = 0; i < Records;)
        {
            try
            {
                producer.Produce(where, new Message<byte[]?, byte[]> { Value = values[i & 63] }, Report);
                i++;
            }
            catch (ProduceException<byte[]?, byte[]> full) when (full.Error.Code == ErrorCode.Local_QueueFull)
            {
                producer.Poll(TimeSpan.FromMilliseconds(1));
            }
        }
        producer.Flush(Patience);
        if (acknowledged != Records)
            throw new InvalidOperationException($"{broker.Name} acknowledged {acknowledged} of {Records} records: {refused}");

        void Report(DeliveryReport<byte[]?, byte[]> report)
        {
            if (report.Error.IsError)
                refused = report.Error;
            else
                Interlocked.Increment(ref acknowledged); // Reports come on the client's thread and on this one, when it polls.
        }
    }

    private void Read(BrokerUnderTest broker, string topic)
    {
        using var consumer = broker.Consumer();
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        for (var read = 0; read < Records; read++)
        {
            if (consumer.Consume(Patience) is not { } record || record.Offset.Value != read)
                throw new InvalidOperationException($"{broker.Name} gave {read} of {Records} records in order");
        }
    }
}
