using Confluent.Kafka;
using Metering.Testing;

namespace Metering.Kafka.Tests;

public sealed class KafkaFixtureTests(KafkaFixture kafka)
{
    [Fact]
    public async Task CreateTopic_on_a_fresh_broker_serves_all_partitions_at_once()
    {
        var topic = KafkaFixture.UniquePrefix() + "fixture";
        await kafka.CreateTopicAsync(topic, partitions: 3);
        using var producer = new ProducerBuilder<byte[], byte[]>(new KafkaSettings { Brokers = kafka.Brokers }.Producer()).Build();
        var written = await producer.ProduceAsync(new TopicPartition(topic, 2), new Message<byte[], byte[]> { Value = [1] });
        Assert.Equal(0, written.Offset.Value);
    }
}
