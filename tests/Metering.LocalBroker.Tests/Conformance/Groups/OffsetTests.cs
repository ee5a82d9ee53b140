using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Groups;

public sealed class RealOffsetTests(RealFixture broker) : OffsetTests(broker);

public sealed class LocalOffsetTests(LocalFixture broker) : OffsetTests(broker);

/// <summary>Committed offsets and what is written beside them.</summary>
public abstract class OffsetTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private readonly string _group = BrokerFixture.Unique("offsets");

    private IConsumer<byte[]?, byte[]?> Assigned(string topic)
    {
        var consumer = Broker.Consumer(config => config.GroupId = _group);
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        return consumer;
    }

    [Theory]
    [InlineData("")]
    [InlineData("plán 計画 🧮")]
    [InlineData("4096")]
    public async Task R17_Commit_with_metadata_comes_back_whole(string metadata)
    {
        if (metadata == "4096")
            metadata = new string('x', OffsetMetadata.MaxBytes);
        var topic = await Broker.CreateTopicAsync();
        using var consumer = Assigned(topic);
        Assert.Equal((null, ""), OffsetMetadata.Committed(consumer, topic, 0, Patience));
        OffsetMetadata.Commit(consumer, topic, 0, 123_456_789_012, metadata);
        Assert.Equal((123_456_789_012, metadata), OffsetMetadata.Committed(consumer, topic, 0, Patience));
        using var another = Assigned(topic);
        Assert.Equal((123_456_789_012, metadata), OffsetMetadata.Committed(another, topic, 0, Patience));
        OffsetMetadata.Commit(another, topic, 0, 5, "");
        Assert.Equal((5, ""), OffsetMetadata.Committed(consumer, topic, 0, Patience));
    }

    [Fact]
    public async Task Commit_of_many_partitions_at_once_keeps_each()
    {
        const int Partitions = 50;
        var topic = await Broker.CreateTopicAsync("wide", Partitions);
        using var consumer = Broker.Consumer(config => config.GroupId = _group);
        consumer.Commit(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(topic, p, p * 10)));
        var committed = consumer.Committed(Enumerable.Range(0, Partitions).Select(p => new TopicPartition(topic, p)), Patience);
        Assert.Equal(Enumerable.Range(0, Partitions).Select(p => p * 10L), committed.OrderBy(c => c.Partition.Value).Select(c => c.Offset.Value));
    }

    [Fact]
    public async Task Commit_of_a_topic_that_does_not_exist_is_refused_and_of_the_others_taken()
    {
        var topic = await Broker.CreateTopicAsync();
        using var consumer = Broker.Consumer(config => config.GroupId = _group);
        consumer.Commit([new TopicPartitionOffset(topic, 0, 1)]);
        var refused = Assert.ThrowsAny<KafkaException>(() => consumer.Commit(
            [new TopicPartitionOffset(topic, 0, 2), new TopicPartitionOffset(BrokerFixture.Unique("none"), 0, 2)]));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, refused.Error.Code);
        Assert.Equal(2, consumer.Committed([new TopicPartition(topic, 0)], Patience)[0].Offset.Value);
    }

    [Fact]
    public async Task Offsets_of_a_deleted_topic_are_gone_with_it()
    {
        var topic = await Broker.CreateTopicAsync("deleted");
        using var consumer = Broker.Consumer(config => config.GroupId = _group);
        consumer.Commit([new TopicPartitionOffset(topic, 0, 9)]);
        using var admin = Broker.Admin();
        await admin.DeleteTopicsAsync([topic]);
        await Until.TrueAsync(
            async () => (await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(_group, null)]))[0].Partitions.TrueForAll(p => p.Topic != topic),
            "its offsets to go");
    }
}
