using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Records;

public sealed class RealProduceTests(RealFixture broker) : ProduceTests(broker);

public sealed class LocalProduceTests(LocalFixture broker) : ProduceTests(broker);

/// <summary>What is sent is what is read: sizes, codecs, keys, headers, times, order.</summary>
public abstract class ProduceTests(BrokerFixture broker) : ConformanceTests(broker)
{
    // The broker's limit is 1,048,588 bytes of a whole batch; its head, key and headers take about 130.
    private const int LargestValueBytes = 1_048_588 - 200;

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task Produce_of_all_sizes_in_a_codec_comes_back_byte_for_byte(CompressionType codec)
    {
        var random = Seeded();
        // The records' own times are long ago: retention must not take them while they are read.
        var topic = await Broker.CreateTopicAsync("sizes", 1, ("retention.ms", "-1"));
        int[] sizes = [0, 1, 2, 127, 128, 1_000, 16_383, 65_536, 300_000, LargestValueBytes];
        var sent = sizes.Select((size, i) => Message(random, size, isText: i % 2 == 0)).ToList();
        using (var producer = Broker.Producer(config => (config.CompressionType, config.MessageMaxBytes, config.BatchSize) = (codec, 2_000_000, 1_048_588)))
        {
            foreach (var message in sent)
                await producer.ProduceAsync(topic, message);
            // And many in one batch.
            var batch = Enumerable.Range(0, 500).Select(_ => Message(random, random.Next(200), isText: true)).ToList();
            sent.AddRange(batch);
            batch.ForEach(message => producer.Produce(topic, message));
            producer.Flush(Patience);
        }
        var read = await Broker.ReadAsync(topic);
        Assert.Equal(sent.Count, read.Count);
        for (var i = 0; i < sent.Count; i++)
        {
            Assert.Equal(i, read[i].Offset.Value);
            Assert.Equal(sent[i].Key, read[i].Message.Key);
            Assert.True(sent[i].Value!.AsSpan().SequenceEqual(read[i].Message.Value), $"the value of record {i} is not the one sent");
            Assert.Equal(sent[i].Headers.Select(header => (header.Key, Text(header.GetValueBytes()))), read[i].Message.Headers.Select(header => (header.Key, Text(header.GetValueBytes()))));
            Assert.Equal(sent[i].Timestamp.UnixTimestampMs, read[i].Message.Timestamp.UnixTimestampMs);
        }
    }

    private static Message<byte[]?, byte[]?> Message(Random random, int size, bool isText)
    {
        var value = new byte[size];
        random.NextBytes(value);
        if (isText)
        {
            for (var i = 0; i < value.Length; i++)
                value[i] = (byte)('a' + (value[i] & 3));
        }
        return new()
        {
            Key = Bytes($"key-{size}"),
            Value = value,
            Headers = new Headers { { "a", Bytes("x") }, { "a", Bytes("y") }, { "empty", [] }, { "null", null! } },
            Timestamp = new Timestamp(1_700_000_000_000 + random.Next(1_000_000), TimestampType.CreateTime),
        };
    }

    [Fact]
    public async Task Produce_over_the_brokers_limit_is_refused_and_leaves_nothing()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Producer(config => config.MessageMaxBytes = 5_000_000);
        var refused = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => producer.ProduceAsync(topic, new() { Value = new byte[1_048_588] }));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, refused.Error.Code);
        Assert.Equal(0, (await producer.ProduceAsync(topic, Record(null, "fits"))).Offset.Value);
    }

    [Fact]
    public async Task Produce_over_the_topics_own_limit_is_refused_and_under_it_not()
    {
        var topic = await Broker.CreateTopicAsync("small", 1, ("max.message.bytes", "2000"));
        using var producer = Broker.Producer();
        var refused = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => producer.ProduceAsync(topic, new() { Value = new byte[2_000] }));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, refused.Error.Code);
        await producer.ProduceAsync(topic, new() { Value = new byte[1_900] });
        var large = await Broker.CreateTopicAsync("large", 1, ("max.message.bytes", "3000000"));
        using var wide = Broker.Producer(config => config.MessageMaxBytes = 5_000_000);
        await wide.ProduceAsync(large, new() { Value = new byte[2_900_000] });
        Assert.Equal(2_900_000, Assert.Single(await Broker.ReadAsync(large)).Message.Value!.Length);
    }

    [Fact]
    public async Task Produce_of_null_and_empty_keys_and_values_keeps_them_apart()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Producer();
        (string? Key, string? Value)[] sent = [(null, null), ("", null), (null, ""), ("", ""), ("k", null), (null, "v"), ("k", "v")];
        foreach (var (key, value) in sent)
            await producer.ProduceAsync(topic, Record(key, value));
        Assert.Equal(sent, (await Broker.ReadAsync(topic)).Select(record => (Text(record.Message.Key), Text(record.Message.Value))));
    }

    [Theory]
    [InlineData(Acks.None)]
    [InlineData(Acks.Leader)]
    [InlineData(Acks.All)]
    public async Task Produce_with_each_acks_keeps_the_order(Acks acks)
    {
        var topic = await Broker.CreateTopicAsync();
        using (var producer = Broker.Producer(config => (config.EnableIdempotence, config.Acks, config.MaxInFlight) = (false, acks, 1)))
        {
            for (var i = 0; i < 2_000; i++)
                producer.Produce(topic, Record(null, $"{i}"));
            producer.Flush(Patience);
        }
        await Until.TrueAsync(async () => (await Broker.ReadAsync(topic)).Count >= 2_000, "all records");
        Assert.Equal(Enumerable.Range(0, 2_000).Select(i => $"{i}"), Values(await Broker.ReadAsync(topic)));
    }

    [Fact]
    public async Task Produce_to_many_partitions_keeps_the_order_of_each()
    {
        const int Partitions = 40, Records = 20_000;
        var topic = await Broker.CreateTopicAsync("wide", Partitions);
        using (var producer = Broker.Producer(config => config.LingerMs = 2))
        {
            for (var i = 0; i < Records; i++)
                producer.Produce(new TopicPartition(topic, i % Partitions), Record(null, $"{i}"));
            producer.Flush(Patience);
        }
        var read = await Broker.ReadAsync(topic, Partitions);
        Assert.Equal(Records, read.Count);
        foreach (var partition in read.GroupBy(record => record.Partition.Value))
        {
            Assert.Equal(Enumerable.Range(0, Records / Partitions).Select(i => $"{(i * Partitions) + partition.Key}"), Values(partition));
            Assert.Equal(Enumerable.Range(0, Records / Partitions).Select(i => (long)i), partition.Select(record => record.Offset.Value));
        }
    }

    [Theory]
    [InlineData("CreateTime", TimestampType.CreateTime)]
    [InlineData("LogAppendTime", TimestampType.LogAppendTime)]
    public async Task Produce_with_a_time_of_its_own_is_kept_or_replaced_as_the_topic_says(string setting, TimestampType expected)
    {
        const long LongAgo = 1_600_000_000_000;
        var topic = await Broker.CreateTopicAsync("times", 1, ("message.timestamp.type", setting), ("retention.ms", "-1"));
        using var producer = Broker.Producer(config => config.CompressionType = CompressionType.Lz4);
        var before = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var message = Record("k", "v");
        message.Timestamp = new Timestamp(LongAgo, TimestampType.CreateTime);
        var acknowledged = await producer.ProduceAsync(topic, message);
        var read = Assert.Single(await Broker.ReadAsync(topic)).Message.Timestamp;
        Assert.Equal(expected, read.Type);
        if (expected == TimestampType.CreateTime)
            Assert.Equal(LongAgo, read.UnixTimestampMs);
        else
            Assert.InRange(read.UnixTimestampMs, before - 1_000, before + 60_000);
        Assert.Equal(read.UnixTimestampMs, acknowledged.Timestamp.UnixTimestampMs);
    }

    [Fact]
    public async Task Produce_to_a_topic_or_partition_that_does_not_exist_is_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Producer(config => config.MessageTimeoutMs = 5_000);
        var noTopic = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => producer.ProduceAsync(BrokerFixture.Unique("none"), Record(null, "v")));
        Assert.Contains(noTopic.Error.Code, (ErrorCode[])[ErrorCode.Local_UnknownTopic, ErrorCode.UnknownTopicOrPart, ErrorCode.Local_MsgTimedOut]);
        var noPartition = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => producer.ProduceAsync(new TopicPartition(topic, 7), Record(null, "v")));
        Assert.Equal(ErrorCode.Local_UnknownPartition, noPartition.Error.Code);
        Assert.Empty(await Broker.ReadAsync(topic));
    }

    [Fact]
    public async Task Produce_without_a_key_to_a_compacted_topic_is_refused()
    {
        var topic = await Broker.CreateTopicAsync("table", 1, ("cleanup.policy", "compact"));
        using var producer = Broker.Producer(config => config.EnableIdempotence = false);
        var refused = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => producer.ProduceAsync(topic, Record(null, "v")));
        Assert.Equal(ErrorCode.InvalidRecord, refused.Error.Code);
        await producer.ProduceAsync(topic, Record("k", "v"));
        Assert.Equal("k", Text(Assert.Single(await Broker.ReadAsync(topic)).Message.Key));
    }
}
