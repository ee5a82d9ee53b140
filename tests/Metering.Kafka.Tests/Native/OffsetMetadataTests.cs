using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.Testing;

namespace Metering.Kafka.Tests.Native;

public sealed class OffsetMetadataTests(KafkaFixture kafka)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private async Task<(IConsumer<byte[], byte[]> Consumer, string Topic)> AssignedAsync()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        var topic = settings.Topic("plans");
        await kafka.CreateTopicAsync(topic, partitions: 2);
        var consumer = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("sink")).Build();
        consumer.Assign(new TopicPartitionOffset(topic, 1, Offset.Beginning));
        return (consumer, topic);
    }

    [Fact]
    public async Task R17_Committed_without_any_commit_is_no_offset_and_no_metadata()
    {
        var (consumer, topic) = await AssignedAsync();
        using (consumer)
            Assert.Equal((null, ""), OffsetMetadata.Committed(consumer, topic, 1, Patience));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4_000)]
    [InlineData(OffsetMetadata.MaxBytes)]
    public async Task R17_Commit_then_committed_gives_back_offset_and_metadata(int metadataBytes)
    {
        var (consumer, topic) = await AssignedAsync();
        using (consumer)
        {
            var plan = string.Concat(Enumerable.Range(0, metadataBytes).Select(i => (char)('a' + (i % 26))));
            OffsetMetadata.Commit(consumer, topic, 1, 123_456_789_012, plan);
            Assert.Equal((123_456_789_012, plan), OffsetMetadata.Committed(consumer, topic, 1, Patience));
            OffsetMetadata.Commit(consumer, topic, 1, 123_456_789_013, "");
            Assert.Equal((123_456_789_013, ""), OffsetMetadata.Committed(consumer, topic, 1, Patience));
        }
    }

    [Fact]
    public async Task R17_Commit_with_text_beyond_ascii_comes_back_whole()
    {
        var (consumer, topic) = await AssignedAsync();
        using (consumer)
        {
            OffsetMetadata.Commit(consumer, topic, 1, 7, "plán 計画 🧮");
            Assert.Equal("plán 計画 🧮", OffsetMetadata.Committed(consumer, topic, 1, Patience).Metadata);
        }
    }

    [Fact]
    public async Task R17_Commit_with_metadata_over_the_brokers_limit_is_refused_before_it_is_sent()
    {
        var (consumer, topic) = await AssignedAsync();
        using (consumer)
            Assert.Throws<ArgumentException>(() => OffsetMetadata.Commit(consumer, topic, 1, 7, new string('x', OffsetMetadata.MaxBytes + 1)));
    }

    [Fact]
    public async Task Commit_on_a_disposed_consumer_is_an_error_and_no_crash()
    {
        var (consumer, topic) = await AssignedAsync();
        consumer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => OffsetMetadata.Commit(consumer, topic, 1, 7, "x"));
    }

    [Fact]
    public async Task R20_Commit_of_a_member_that_the_group_has_replaced_is_refused_by_name()
    {
        var settings = new KafkaSettings { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
        var topic = settings.Topic("plans");
        await kafka.CreateTopicAsync(topic);
        using var member = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("sink"))
            .SetPartitionsAssignedHandler((_, assigned) => assigned.ConvertAll(source => new TopicPartitionOffset(source, Offset.Beginning)))
            .Build();
        member.Subscribe(topic);
        while (member.Assignment.Count == 0)
            member.Consume(TimeSpan.FromMilliseconds(50));
        using var outsider = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("sink")).Build();
        outsider.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        var refused = Assert.Throws<KafkaException>(() => OffsetMetadata.Commit(outsider, topic, 0, 1, "zombie"));
        Assert.Equal(ErrorCode.UnknownMemberId, refused.Error.Code);
        member.Close();
    }
}
