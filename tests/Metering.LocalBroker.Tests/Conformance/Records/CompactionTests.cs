using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Records;

public sealed class RealCompactionTests(RealFixture broker) : CompactionTests(broker);

public sealed class LocalCompactionTests(LocalFixture broker) : CompactionTests(broker);

/// <summary>Topics that keep the last record of each key.</summary>
public abstract class CompactionTests(BrokerFixture broker) : ConformanceTests(broker)
{
    // Kafka's cleaner looks each 15 s by default, the shared one each second.
    private static readonly TimeSpan Compacts = TimeSpan.FromSeconds(45);

    private Task<string> TableAsync(params (string Name, string Value)[] more) => Broker.CreateTopicAsync(
        "table", 1, [("cleanup.policy", "compact"), ("segment.ms", "300"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01"), ("delete.retention.ms", "500"), .. more]);

    // The active segment is never compacted: a record now and then makes it roll.
    private async Task UntilAsync(string topic, Func<IReadOnlyList<ConsumeResult<byte[]?, byte[]?>>, bool> reached, string what)
    {
        using var producer = Broker.Producer();
        await Until.TrueAsync(
            async () =>
            {
                await producer.ProduceAsync(topic, Record("roll", "now"));
                return reached(await Broker.ReadAsync(topic));
            },
            what, Compacts);
    }

    private static IEnumerable<ConsumeResult<byte[]?, byte[]?>> Own(IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> records) =>
        records.Where(record => Text(record.Message.Key) != "roll");

    [Fact]
    public async Task Compaction_keeps_the_last_record_of_each_key_at_its_offset_and_in_order()
    {
        const int Keys = 20, Rounds = 50;
        var topic = await TableAsync();
        using (var producer = Broker.Producer(config => config.CompressionType = CompressionType.Lz4))
        {
            for (var i = 0; i < Keys * Rounds; i++)
                producer.Produce(topic, Record($"key-{i % Keys}", $"{i}"));
            producer.Flush(Patience);
        }
        await UntilAsync(topic, records => Own(records).Count() == Keys, "one record a key");
        var kept = Own(await Broker.ReadAsync(topic)).ToList();
        Assert.Equal(Enumerable.Range(Keys * (Rounds - 1), Keys).Select(i => (long)i), kept.Select(record => record.Offset.Value));
        Assert.All(kept, record => Assert.Equal($"{record.Offset.Value}", Text(record.Message.Value)));
        // Who asks for an offset that is gone gets the next one that is there.
        using var consumer = Broker.Consumer();
        consumer.Assign(new TopicPartitionOffset(topic, 0, 3));
        Assert.Equal(kept[0].Offset.Value, Own([consumer.Consume(Patience), consumer.Consume(Patience)]).First().Offset.Value);
        Assert.Equal(0, consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).Low.Value);
    }

    [Fact]
    public async Task Tombstone_removes_its_key_and_in_the_end_itself()
    {
        var topic = await TableAsync();
        using (var producer = Broker.Producer())
        {
            for (var i = 0; i < 100; i++)
                producer.Produce(topic, Record($"key-{i % 10}", $"{i}"));
            producer.Produce(topic, Record("key-3", null));
            producer.Flush(Patience);
        }
        await UntilAsync(topic, records => Own(records).Count() == 9 && Own(records).All(record => Text(record.Message.Key) != "key-3"), "the key to go");
    }

    [Fact]
    public async Task Compaction_forgets_aborted_records_and_keeps_what_was_committed_before()
    {
        var topic = await TableAsync();
        using (var producer = Broker.Transactional(BrokerFixture.Unique("txn"), config => config.RetryBackoffMs = 10))
        {
            foreach (var (value, commits) in ((string, bool)[])[("old", true), ("kept", true), ("aborted", false)])
            {
                producer.BeginTransaction();
                for (var i = 0; i < 10; i++)
                    producer.Produce(topic, Record($"key-{i}", value));
                if (commits)
                    producer.CommitTransaction(Patience);
                else
                    producer.AbortTransaction(Patience);
            }
        }
        await UntilAsync(topic, records => Own(records).Count() == 10, "the old records to go");
        Assert.All(Own(await Broker.ReadAsync(topic)), record => Assert.Equal("kept", Text(record.Message.Value)));
        Assert.All(Own(await Broker.ReadAsync(topic, isolation: IsolationLevel.ReadUncommitted)), record => Assert.NotEqual("old", Text(record.Message.Value)));
    }

    [Fact]
    public async Task Compaction_goes_no_further_than_an_open_transaction()
    {
        var topic = await TableAsync();
        // Longer than the wait for the compaction.
        using var open = Broker.Transactional(BrokerFixture.Unique("txn"), config => config.TransactionTimeoutMs = 120_000);
        using (var producer = Broker.Producer())
        {
            for (var i = 0; i < 100; i++)
                producer.Produce(topic, Record($"key-{i % 10}", $"{i}"));
            producer.Flush(Patience);
        }
        // Else it would lie in one segment with the records before it, and nothing of that one may be compacted.
        await Task.Delay(400); // longer than segment.ms
        open.BeginTransaction();
        open.Produce(topic, Record("key-0", "open"));
        open.Flush(Patience);
        await UntilAsync(topic, records => Own(records).Count() == 10, "the records before it to be compacted");
        open.CommitTransaction(Patience);
        var read = Own(await Broker.ReadAsync(topic)).Where(record => Text(record.Message.Key) == "key-0").Select(record => Text(record.Message.Value));
        Assert.Equal("open", read.Last());
    }

    [Fact]
    public async Task Topic_that_becomes_compacted_later_is_compacted()
    {
        var topic = await Broker.CreateTopicAsync("later", 1, ("segment.ms", "300"), ("min.cleanable.dirty.ratio", "0.01"));
        using (var producer = Broker.Producer())
        {
            for (var i = 0; i < 100; i++)
                producer.Produce(topic, Record($"key-{i % 10}", $"{i}"));
            producer.Flush(Patience);
        }
        using var admin = Broker.Admin();
        await admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [new() { Type = ResourceType.Topic, Name = topic }] = [new() { Name = "cleanup.policy", Value = "compact", IncrementalOperation = AlterConfigOpType.Set }],
        });
        await UntilAsync(topic, records => Own(records).Count() == 10, "one record a key");
    }
}
