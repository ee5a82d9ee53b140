using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Groups;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Transactions;

public sealed class RealOffsetsInTransactionsTests(RealFixture broker) : OffsetsInTransactionsTests(broker);

public sealed class LocalOffsetsInTransactionsTests(LocalFixture broker) : OffsetsInTransactionsTests(broker);

/// <summary>Consume, transform, produce: a group's offsets move with the records or not at all (R8).</summary>
public abstract class OffsetsInTransactionsTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private readonly string _id = BrokerFixture.Unique("txn"), _group = BrokerFixture.Unique("group");

    private async Task<long> CommittedAsync(string topic) => (await Task.Run(() =>
    {
        using var consumer = Broker.Consumer(config => config.GroupId = _group);
        return consumer.Committed([new TopicPartition(topic, 0)], Patience);
    }))[0].Offset.Value;

    private IConsumer<byte[]?, byte[]?> Joined(string topic)
    {
        var consumer = Broker.Consumer(config => (config.GroupId, config.AutoOffsetReset) = (_group, AutoOffsetReset.Earliest));
        consumer.Subscribe(topic);
        for (var deadline = Until.In(Patience); consumer.Assignment.Count == 0; deadline.Check("an assignment"))
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(50)) is { } early)
                consumer.Seek(early.TopicPartitionOffset);
        }
        return consumer;
    }

    [Fact]
    public async Task Offsets_sent_in_a_transaction_are_committed_with_it_and_dropped_with_it()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id);
        using var consumer = Joined(topic);
        foreach (var (offset, commits, expected) in ((long, bool, long)[])[(5, true, 5), (7, false, 5), (9, true, 9)])
        {
            producer.BeginTransaction();
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, offset)], consumer.ConsumerGroupMetadata, Patience);
            if (commits)
                producer.CommitTransaction(Patience);
            else
                producer.AbortTransaction(Patience);
            Assert.Equal(expected, await CommittedAsync(topic));
        }
        consumer.Close();
    }

    [Fact]
    public async Task Offsets_pending_in_a_transaction_are_waited_for_by_who_asks_for_stable_ones()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id);
        using var consumer = Joined(topic);
        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 3)], consumer.ConsumerGroupMetadata, Patience);
        // librdkafka asks for stable offsets and tries again until the transaction has ended.
        var asking = CommittedAsync(topic);
        await Task.Delay(500);
        Assert.False(asking.IsCompleted);
        // Who does not ask for them sees what was before.
        using var raw = await RawGroup.OpenAsync(Broker, _group);
        Assert.Equal(-1, (await raw.CommittedAsync(topic)).Offset);
        producer.CommitTransaction(Patience);
        Assert.Equal(3, await asking);
        Assert.Equal(3, (await raw.CommittedAsync(topic)).Offset);
        consumer.Close();
    }

    [Fact]
    public async Task Offsets_of_a_member_that_the_group_has_replaced_are_fenced_by_generation()
    {
        var topic = await Broker.CreateTopicAsync("shared", 2);
        using var producer = Broker.Transactional(_id);
        using var zombie = Joined(topic);
        var old = zombie.ConsumerGroupMetadata;
        await using var second = new Member(Broker, _group, topic, PartitionAssignmentStrategy.Range);
        await Until.TrueAsync(() =>
        {
            zombie.Consume(TimeSpan.FromMilliseconds(50));
            return zombie.Assignment.Count == 1 && second.Owned == 1;
        }, "the rebalance");
        producer.BeginTransaction();
        var fenced = Assert.Throws<KafkaTxnRequiresAbortException>(() =>
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 3)], old, Patience));
        Assert.Contains(fenced.Error.Code, (ErrorCode[])[ErrorCode.IllegalGeneration, ErrorCode.Local_Fenced]);
        producer.AbortTransaction(Patience);
        // The member's present generation is taken.
        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(topic, 0, 4)], zombie.ConsumerGroupMetadata, Patience);
        producer.CommitTransaction(Patience);
        Assert.Equal(4, await CommittedAsync(topic));
        zombie.Close();
    }

    [Fact]
    public async Task Copier_that_stops_and_starts_at_random_copies_each_record_once()
    {
        const int Records = 400;
        var random = Seeded();
        var (from, to) = (await Broker.CreateTopicAsync("from"), await Broker.CreateTopicAsync("to"));
        using (var source = Broker.Producer())
        {
            for (var i = 0; i < Records; i++)
                source.Produce(from, Record(null, $"{i}"));
            source.Flush(Patience);
        }
        for (var copied = 0L; copied < Records;)
        {
            await Task.Run(() => CopySome(random, from, to));
            // What the last one left open is settled by the next with its id; until then its offsets are not stable.
            Broker.Transactional(_id).Dispose();
            copied = await CommittedAsync(from);
        }
        Assert.Equal(Enumerable.Range(0, Records).Select(i => $"{i}"), Values(await Broker.ReadAsync(to)));
    }

    // A process that ends anywhere: with its transaction open, aborted, or just committed. The next one has its transactional id.
    private void CopySome(Random random, string from, string to)
    {
        using var producer = Broker.Transactional(_id, config => config.RetryBackoffMs = 10);
        using var consumer = Joined(from);
        for (var transactions = random.Next(1, 6); transactions > 0; transactions--)
        {
            producer.BeginTransaction();
            var next = -1L;
            for (var records = random.Next(1, 40); records > 0 && consumer.Consume(TimeSpan.FromMilliseconds(500)) is { } record; records--)
            {
                producer.Produce(to, new() { Value = record.Message.Value });
                next = record.Offset + 1;
            }
            if (next >= 0)
                producer.SendOffsetsToTransaction([new TopicPartitionOffset(from, 0, next)], consumer.ConsumerGroupMetadata, Patience);
            if (random.Next(4) == 0)
                break;
            producer.CommitTransaction(Patience);
        }
        consumer.Close();
    }

    [Theory]
    [InlineData(22, "InitProducerId")]
    [InlineData(24, "AddPartitionsToTxn")]
    [InlineData(25, "AddOffsetsToTxn")]
    [InlineData(28, "TxnOffsetCommit")]
    [InlineData(26, "EndTxn")]
    [InlineData(0, "Produce")]
    public async Task Transaction_whose_answers_are_lost_is_committed_once_and_whole(short api, string call)
    {
        var (topic, source) = (await Broker.CreateTopicAsync("to"), await Broker.CreateTopicAsync("from"));
        await using var proxy = new TcpProxy(Broker.Port);
        var lost = 0;
        proxy.LosesAnswer = found => found == api && Interlocked.Increment(ref lost) is 1 or 3;
        using var consumer = Joined(source);
        using var producer = Broker.Transactional(_id, config => (config.BootstrapServers, config.ReconnectBackoffMs, config.ReconnectBackoffMaxMs) = (proxy.Endpoint, 10, 50));
        for (var i = 0; i < 3; i++)
        {
            producer.BeginTransaction();
            producer.Produce(topic, Record(null, $"{i}"));
            producer.Flush(Patience);
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(source, 0, i)], consumer.ConsumerGroupMetadata, Patience);
            producer.CommitTransaction(Patience);
        }
        Assert.True(proxy.Lost > 0, $"no answer of {call} was lost");
        Assert.Equal(["0", "1", "2"], Values(await Broker.ReadAsync(topic)));
        Assert.Equal(2, await CommittedAsync(source));
        consumer.Close();
    }
}
