using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Records;

/// <summary>What is too old or too much goes. Ours alone: the real one looks each 5 minutes.</summary>
public sealed class LocalRetentionTests(LocalFixture broker) : ConformanceTests(broker)
{
    private async Task<long> FirstOffsetAsync(string topic)
    {
        using var consumer = Broker.Consumer();
        return await Task.Run(() => consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).Low.Value);
    }

    private async Task WriteAsync(string topic, int records, int valueBytes)
    {
        using var producer = Broker.Producer(config => config.BatchSize = 20_000);
        for (var i = 0; i < records; i++)
            producer.Produce(topic, new() { Value = new byte[valueBytes] });
        await Task.Run(() => producer.Flush(Patience));
    }

    [Fact]
    public async Task Retention_by_size_removes_the_oldest_segments()
    {
        var topic = await Broker.CreateTopicAsync("sized", 1, ("retention.bytes", "3000000"), ("segment.bytes", "1048576"));
        await WriteAsync(topic, 1_000, 10_000);
        // 10 MB in segments of 1 MB: once less than 4 are left none goes any more, and a reader is not overtaken.
        await Until.TrueAsync(async () => await FirstOffsetAsync(topic) >= 600, "the first segments to go");
        var left = await Broker.ReadAsync(topic);
        Assert.InRange(left.Count, 290, 400);
        Assert.Equal(999, left[^1].Offset.Value);
    }

    [Fact]
    public async Task Retention_by_time_removes_what_is_older()
    {
        var topic = await Broker.CreateTopicAsync("timed", 1, ("retention.ms", "1000"), ("segment.ms", "300"));
        await WriteAsync(topic, 100, 100);
        await Until.TrueAsync(async () => await FirstOffsetAsync(topic) > 0, "the old records to go");
        using var producer = Broker.Producer();
        Assert.Equal(100, (await producer.ProduceAsync(topic, Record(null, "next"))).Offset.Value);
    }
}
