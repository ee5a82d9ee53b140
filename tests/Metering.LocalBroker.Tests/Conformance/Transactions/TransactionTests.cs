using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Transactions;

public sealed class RealTransactionTests(RealFixture broker) : TransactionTests(broker);

public sealed class LocalTransactionTests(LocalFixture broker) : TransactionTests(broker);

/// <summary>What is committed is read whole, what is aborted never, and what is undecided not yet.</summary>
public abstract class TransactionTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private readonly string _id = BrokerFixture.Unique("txn");

    private async Task<string?[]> CommittedAsync(string topic, int partitions = 1) => Values(await Broker.ReadAsync(topic, partitions));

    private async Task<string?[]> AllAsync(string topic) => Values(await Broker.ReadAsync(topic, 1, IsolationLevel.ReadUncommitted));

    private static void Send(IProducer<byte[]?, byte[]?> producer, string topic, params string[] values)
    {
        foreach (var value in values)
            producer.Produce(topic, Record(null, value));
        producer.Flush(Patience);
    }

    [Fact]
    public async Task Committed_records_are_read_and_aborted_ones_only_by_who_reads_all()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id);
        producer.BeginTransaction();
        Send(producer, topic, "a", "b");
        producer.CommitTransaction(Patience);
        producer.BeginTransaction();
        Send(producer, topic, "x", "y");
        producer.AbortTransaction(Patience);
        producer.BeginTransaction();
        Send(producer, topic, "c");
        producer.CommitTransaction(Patience);
        Assert.Equal(["a", "b", "c"], await CommittedAsync(topic));
        Assert.Equal(["a", "b", "x", "y", "c"], await AllAsync(topic));
        // Each end takes an offset.
        Assert.Equal([0, 1, 6], (await Broker.ReadAsync(topic)).Select(record => record.Offset.Value));
        using var consumer = Broker.Consumer();
        Assert.Equal(8, consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).High.Value);
    }

    [Fact]
    public async Task Open_transaction_holds_readers_of_what_is_committed_back_and_no_others()
    {
        var topic = await Broker.CreateTopicAsync();
        using var plain = Broker.Producer();
        Send(plain, topic, "before");
        using var producer = Broker.Transactional(_id);
        producer.BeginTransaction();
        Send(producer, topic, "open");
        Send(plain, topic, "behind");
        Assert.Equal(["before"], await CommittedAsync(topic));
        Assert.Equal(["before", "open", "behind"], await AllAsync(topic));
        Assert.Equal(1, await EndAsync(IsolationLevel.ReadCommitted));
        Assert.Equal(3, await EndAsync(IsolationLevel.ReadUncommitted));
        producer.CommitTransaction(Patience);
        Assert.Equal(["before", "open", "behind"], await CommittedAsync(topic));
        Assert.Equal(4, await EndAsync(IsolationLevel.ReadCommitted));

        async Task<long> EndAsync(IsolationLevel isolation)
        {
            using var admin = Broker.Admin();
            return (await admin.ListOffsetsAsync(
                [new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic, 0), OffsetSpec = OffsetSpec.Latest() }],
                new ListOffsetsOptions { IsolationLevel = isolation })).ResultInfos[0].TopicPartitionOffsetError.Offset.Value;
        }
    }

    [Fact]
    public async Task Reader_that_waits_is_woken_by_the_commit()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id);
        using var consumer = Broker.Consumer(config => (config.FetchWaitMaxMs, config.SocketTimeoutMs) = (40_000, 60_000));
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        var reading = Task.Run(() => consumer.Consume(Patience));
        producer.BeginTransaction();
        Send(producer, topic, "woken");
        await Task.Delay(300);
        Assert.False(reading.IsCompleted);
        producer.CommitTransaction(Patience);
        Assert.Equal("woken", Text((await reading.WaitAsync(TimeSpan.FromSeconds(10)))?.Message.Value));
    }

    [Fact]
    public async Task Transactions_of_several_producers_interleaved_are_read_by_their_own_ends()
    {
        var topic = await Broker.CreateTopicAsync();
        using var first = Broker.Transactional(_id + "1");
        using var second = Broker.Transactional(_id + "2");
        using var third = Broker.Transactional(_id + "3");
        foreach (var producer in (IProducer<byte[]?, byte[]?>[])[first, second, third])
            producer.BeginTransaction();
        Send(first, topic, "1a");
        Send(second, topic, "2a");
        Send(third, topic, "3a");
        Send(first, topic, "1b");
        Send(second, topic, "2b");
        second.AbortTransaction(Patience);
        Assert.Empty(await CommittedAsync(topic));
        third.CommitTransaction(Patience);
        Assert.Empty(await CommittedAsync(topic));
        first.CommitTransaction(Patience);
        Assert.Equal(["1a", "3a", "1b"], await CommittedAsync(topic));
    }

    [Fact]
    public async Task Transaction_over_many_partitions_is_whole()
    {
        const int Partitions = 60;
        var topic = await Broker.CreateTopicAsync("wide", Partitions);
        using var producer = Broker.Transactional(_id);
        foreach (var commits in (bool[])[true, false, true])
        {
            producer.BeginTransaction();
            for (var i = 0; i < Partitions * 3; i++)
                producer.Produce(new TopicPartition(topic, i % Partitions), Record(null, commits ? "kept" : "aborted"));
            if (commits)
                producer.CommitTransaction(Patience);
            else
                producer.AbortTransaction(Patience);
        }
        var read = await Broker.ReadAsync(topic, Partitions);
        Assert.All(read, record => Assert.Equal("kept", Text(record.Message.Value)));
        Assert.Equal(Enumerable.Repeat(6, Partitions), read.GroupBy(record => record.Partition.Value).Select(partition => partition.Count()));
    }

    [Fact]
    public async Task Transactions_back_to_back_are_all_there_in_order()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id, config => config.RetryBackoffMs = 10);
        for (var i = 0; i < 60; i++)
        {
            producer.BeginTransaction();
            producer.Produce(topic, Record(null, $"{i}"));
            if (i % 3 == 2)
                producer.AbortTransaction(Patience);
            else
                producer.CommitTransaction(Patience);
        }
        Assert.Equal(Enumerable.Range(0, 60).Where(i => i % 3 != 2).Select(i => $"{i}"), await CommittedAsync(topic));
    }

    [Fact]
    public async Task Empty_transactions_commit_and_abort()
    {
        var topic = await Broker.CreateTopicAsync();
        using var producer = Broker.Transactional(_id);
        producer.BeginTransaction();
        producer.CommitTransaction(Patience);
        producer.BeginTransaction();
        producer.AbortTransaction(Patience);
        producer.BeginTransaction();
        Send(producer, topic, "a");
        producer.CommitTransaction(Patience);
        Assert.Equal(["a"], await CommittedAsync(topic));
    }

    [Fact]
    public async Task Transaction_that_outlives_its_timeout_is_aborted_by_the_broker()
    {
        var topic = await Broker.CreateTopicAsync();
        // A raw producer: a client library would end its transaction itself.
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, _id, timeoutMs: 1_000);
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
        var batch = new RawBatch { ProducerId = producer, Epoch = epoch, Sequence = 0, IsTransactional = true, Values = ["left"] };
        Assert.Equal((0, 0), await RawBatch.ProduceAsync(connection, topic, batch.ToArray(), transactionalId: _id));
        using var plain = Broker.Producer();
        Send(plain, topic, "behind");
        // The real one looks each 10 s.
        await Until.TrueAsync(async () => (await CommittedAsync(topic)).Length > 0, "the abort", TimeSpan.FromSeconds(40));
        Assert.Equal(["behind"], await CommittedAsync(topic));
        // And the producer is fenced: in the meantime its epoch is old.
        Assert.Contains(await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true), (int[])[47, 90]);
    }

    [Fact]
    public async Task Transaction_timeout_above_the_brokers_limit_is_refused()
    {
        using var connection = await RawConnection.OpenAsync(Broker);
        Assert.Equal(50, (await RawBatch.InitProducerAsync(connection, _id, timeoutMs: 900_001)).Error);
        Assert.Equal(0, (await RawBatch.InitProducerAsync(connection, _id, timeoutMs: 900_000)).Error);
    }
}
