using System.Diagnostics;
using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Records;

public sealed class RealFetchTests(RealFixture broker) : FetchTests(broker);

public sealed class LocalFetchTests(LocalFixture broker) : FetchTests(broker);

/// <summary>Where a reader starts, what wakes it, how much it gets.</summary>
public abstract class FetchTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private async Task<string> TopicWithAsync(int records, int valueBytes = 10)
    {
        // Their times are long ago.
        var topic = await Broker.CreateTopicAsync("kept", 1, ("retention.ms", "-1"));
        using var producer = Broker.Producer();
        for (var i = 0; i < records; i++)
            producer.Produce(topic, new() { Key = Bytes($"{i}"), Value = new byte[valueBytes], Timestamp = new Timestamp(1_700_000_000_000 + (i * 1_000L), TimestampType.CreateTime) });
        producer.Flush(Patience);
        return topic;
    }

    private long FirstOffset(string topic, Offset from, AutoOffsetReset reset = AutoOffsetReset.Error)
    {
        using var consumer = Broker.Consumer(config => (config.AutoOffsetReset, config.EnablePartitionEof) = (reset, true));
        consumer.Assign(new TopicPartitionOffset(topic, 0, from));
        var deadline = Until.In(Patience);
        while (true)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is { } result)
                return result.Offset.Value;
            deadline.Check("a record or the end");
        }
    }

    [Fact]
    public async Task Fetch_from_the_beginning_an_offset_and_the_end_starts_there()
    {
        var topic = await TopicWithAsync(100);
        Assert.Equal(0, FirstOffset(topic, Offset.Beginning));
        Assert.Equal(57, FirstOffset(topic, 57));
        Assert.Equal(99, FirstOffset(topic, 99));
        Assert.Equal(100, FirstOffset(topic, Offset.End));
    }

    [Fact]
    public async Task Fetch_out_of_range_is_an_error_or_resets_as_the_reader_says()
    {
        var topic = await TopicWithAsync(10);
        var refused = Assert.Throws<ConsumeException>(() => FirstOffset(topic, 1_000));
        Assert.Contains(refused.Error.Code, (ErrorCode[])[ErrorCode.OffsetOutOfRange, ErrorCode.Local_AutoOffsetReset]);
        Assert.Equal(0, FirstOffset(topic, 1_000, AutoOffsetReset.Earliest));
        Assert.Equal(10, FirstOffset(topic, 1_000, AutoOffsetReset.Latest));
    }

    [Fact]
    public async Task Offsets_for_times_are_those_of_the_first_record_at_or_after_them()
    {
        var topic = await TopicWithAsync(100);
        using var consumer = Broker.Consumer();
        Assert.Equal(0, Find(0));
        Assert.Equal(0, Find(1_700_000_000_000));
        Assert.Equal(1, Find(1_700_000_000_001));
        Assert.Equal(57, Find(1_700_000_057_000));
        Assert.Equal(99, Find(1_700_000_099_000));
        Assert.Equal(Offset.End.Value, Find(1_700_000_099_001));

        long Find(long unixMs) => consumer.OffsetsForTimes(
            [new TopicPartitionTimestamp(topic, 0, new Timestamp(unixMs, TimestampType.CreateTime))], Patience)[0].Offset.Value;
    }

    [Fact]
    public async Task Watermarks_are_the_first_and_the_next_offset()
    {
        var topic = await Broker.CreateTopicAsync();
        using var consumer = Broker.Consumer();
        var empty = consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience);
        Assert.Equal((0, 0), (empty.Low.Value, empty.High.Value));
        var full = consumer.QueryWatermarkOffsets(new TopicPartition(await TopicWithAsync(25), 0), Patience);
        Assert.Equal((0, 25), (full.Low.Value, full.High.Value));
    }

    [Fact]
    public async Task Fetch_that_waits_is_woken_by_a_produce()
    {
        var topic = await TopicWithAsync(1);
        // Longer than the test allows: only being woken passes.
        using var consumer = Broker.Consumer(config => (config.FetchWaitMaxMs, config.SocketTimeoutMs) = (40_000, 60_000));
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        Assert.NotNull(consumer.Consume(Patience));
        using var producer = Broker.Producer();
        for (var i = 1; i <= 5; i++)
        {
            var reading = Task.Run(() => consumer.Consume(Patience));
            await Task.Delay(200); // The poll is on its way or waits at the broker: both must work.
            var start = Stopwatch.GetTimestamp();
            await producer.ProduceAsync(topic, Record(null, $"{i}"));
            Assert.Equal($"{i}", Text((await reading)?.Message.Value));
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), $"record {i} came after {Stopwatch.GetElapsedTime(start)}");
        }
    }

    [Fact]
    public async Task Fetch_that_waits_for_more_bytes_than_there_are_gets_them_when_its_time_is_over()
    {
        var topic = await TopicWithAsync(3);
        using var consumer = Broker.Consumer(config => (config.FetchMinBytes, config.FetchWaitMaxMs) = (90_000, 1_500));
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        for (var i = 0; i < 3; i++)
            Assert.Equal(i, consumer.Consume(Patience)?.Offset.Value);
    }

    [Theory]
    [InlineData(1, 50_000)]
    [InlineData(1_000, 100)]
    [InlineData(1_000, 200_000)]
    public async Task Fetch_with_a_small_limit_gets_at_least_one_batch_and_in_the_end_all(int maxBytes, int valueBytes)
    {
        var topic = await TopicWithAsync(12, valueBytes);
        var read = await Broker.ReadAsync(topic, configure: config =>
        {
            config.MaxPartitionFetchBytes = maxBytes;
            config.FetchMaxBytes = Math.Max(maxBytes, 1_000);
            config.MessageMaxBytes = 1_000;
        });
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (long)i), read.Select(record => record.Offset.Value));
        Assert.All(read, record => Assert.Equal(valueBytes, record.Message.Value!.Length));
    }

    [Fact]
    public async Task Fetch_of_many_partitions_with_a_small_total_starves_none()
    {
        const int Partitions = 20;
        var topic = await Broker.CreateTopicAsync("wide", Partitions);
        using (var producer = Broker.Producer())
        {
            for (var i = 0; i < Partitions * 10; i++)
                producer.Produce(new TopicPartition(topic, i % Partitions), new() { Value = new byte[20_000] });
            producer.Flush(Patience);
        }
        var read = await Broker.ReadAsync(topic, Partitions, configure: config => (config.FetchMaxBytes, config.MessageMaxBytes) = (50_000, 50_000));
        Assert.Equal(Partitions * 10, read.Count);
        Assert.All(read.GroupBy(record => record.Partition.Value), partition => Assert.Equal(10, partition.Count()));
    }

    [Fact]
    public async Task Fetch_by_many_readers_while_records_are_written_gives_each_all_in_order()
    {
        const int Records = 3_000, Readers = 6;
        var topic = await Broker.CreateTopicAsync();
        var readers = Enumerable.Range(0, Readers).Select(_ => Task.Run(() =>
        {
            using var consumer = Broker.Consumer();
            consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
            var seen = new List<string?>();
            for (var deadline = Until.In(Patience); seen.Count < Records; deadline.Check("all records"))
            {
                if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is { } result)
                    seen.Add(Text(result.Message.Value));
            }
            return seen;
        })).ToList();
        using var producer = Broker.Producer();
        for (var i = 0; i < Records; i++)
        {
            producer.Produce(topic, Record(null, $"{i}"));
            if (i % 100 == 0)
                producer.Flush(Patience);
        }
        producer.Flush(Patience);
        foreach (var seen in await Task.WhenAll(readers))
            Assert.Equal(Enumerable.Range(0, Records).Select(i => $"{i}"), seen);
    }
}
