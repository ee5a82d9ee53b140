using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Transactions;

public sealed class RealFencingTests(RealFixture broker) : FencingTests(broker);

public sealed class LocalFencingTests(LocalFixture broker) : FencingTests(broker);

/// <summary>Whoever comes later with a transactional id ends what the one before had begun, and that one does nothing more.</summary>
public abstract class FencingTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private readonly string _id = BrokerFixture.Unique("txn");

    private async Task<string?[]> CommittedAsync(string topic) => Values(await Broker.ReadAsync(topic));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Zombie_in_mid_transaction_is_fenced_by_its_successor_and_adds_nothing(bool sendsOn)
    {
        var topic = await Broker.CreateTopicAsync();
        using var zombie = Broker.Transactional(_id);
        zombie.BeginTransaction();
        zombie.Produce(topic, Record(null, "zombie's"));
        zombie.Flush(Patience);
        using var successor = Broker.Transactional(_id);
        // Its transaction is aborted at once: readers are not held back.
        successor.BeginTransaction();
        successor.Produce(topic, Record(null, "successor's"));
        successor.CommitTransaction(Patience);
        Assert.Equal(["successor's"], await CommittedAsync(topic));
        if (sendsOn)
        {
            var refused = await Assert.ThrowsAnyAsync<KafkaException>(() => zombie.ProduceAsync(topic, Record(null, "zombie's second")));
            Assert.Contains(refused.Error.Code, (ErrorCode[])[ErrorCode.Local_Fatal, ErrorCode.Local_Fenced, ErrorCode.ProducerFenced, ErrorCode.InvalidProducerEpoch]);
        }
        var fenced = Assert.Throws<KafkaException>(() => zombie.CommitTransaction(Patience));
        Assert.True(fenced.Error.IsFatal, $"{fenced.Error.Code}: {fenced.Error.Reason}");
        Assert.Equal(["successor's"], await CommittedAsync(topic));
        successor.BeginTransaction();
        successor.Produce(topic, Record(null, "goes on"));
        successor.CommitTransaction(Patience);
        Assert.Equal(["successor's", "goes on"], await CommittedAsync(topic));
    }

    [Fact]
    public async Task Ends_and_additions_by_an_old_epoch_are_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, _id);
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
        var (_, again, later) = await RawBatch.InitProducerAsync(connection, _id);
        Assert.Equal(producer, again);
        Assert.True(later > epoch);
        Assert.Contains(await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true), (int[])[47, 90]);
        Assert.Contains(await RawTransactions.TryAddPartitionAsync(connection, _id, producer, epoch, topic), (int[])[47, 90]);
        Assert.Equal(49, await RawTransactions.EndAsync(connection, _id, producer + 1_000_000, later, commit: true));
    }

    [Fact]
    public async Task End_sent_again_is_answered_as_the_first_and_the_opposite_is_refused()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, _id);
        Assert.Equal(48, await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true));
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
        Assert.Equal(0, await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true));
        await Until.TrueAsync(async () => await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true) == 0, "the same end to be known");
        Assert.Equal(48, await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: false));
    }

    [Fact]
    public async Task Partition_that_does_not_exist_cannot_join_a_transaction()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, _id);
        Assert.Equal(3, await RawTransactions.TryAddPartitionAsync(connection, _id, producer, epoch, topic, partition: 9));
        Assert.Equal(3, await RawTransactions.TryAddPartitionAsync(connection, _id, producer, epoch, BrokerFixture.Unique("none")));
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
    }

    [Fact]
    public async Task Marker_of_a_transaction_fences_batches_that_arrive_behind_it()
    {
        var topic = await Broker.CreateTopicAsync();
        using var connection = await RawConnection.OpenAsync(Broker);
        var (_, producer, epoch) = await RawBatch.InitProducerAsync(connection, _id);
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
        byte[] Batch(int sequence) => new RawBatch { ProducerId = producer, Epoch = epoch, Sequence = sequence, IsTransactional = true, Values = [$"{sequence}"] }.ToArray();
        Assert.Equal(0, (await RawBatch.ProduceAsync(connection, topic, Batch(0), transactionalId: _id)).Error);
        Assert.Equal(0, await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: true));
        await Until.TrueAsync(async () => (await CommittedAsync(topic)).Length == 1, "the commit");
        // Out of its transaction: it would hang there for ever.
        Assert.Equal(48, (await RawBatch.ProduceAsync(connection, topic, Batch(1), transactionalId: _id)).Error);
        await RawTransactions.AddPartitionAsync(connection, _id, producer, epoch, topic);
        Assert.Equal(0, (await RawBatch.ProduceAsync(connection, topic, Batch(1), transactionalId: _id)).Error);
        Assert.Equal(0, await RawTransactions.EndAsync(connection, _id, producer, epoch, commit: false));
        await Until.TrueAsync(async () => (await CommittedAsync(topic)).Length == 1, "the abort");
    }
}
