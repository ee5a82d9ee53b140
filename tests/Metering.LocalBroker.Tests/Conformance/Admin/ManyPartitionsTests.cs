using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Admin;

/// <summary>Ten thousand partitions are served or refused, never half. Ours alone: the real one needs minutes for them.</summary>
public sealed class LocalManyPartitionsTests(LocalFixture broker) : ConformanceTests(broker)
{
    private const int Partitions = 10_000;

    [Fact]
    public async Task Topic_of_ten_thousand_partitions_is_served_whole_or_refused_whole()
    {
        var topic = BrokerFixture.Unique("huge");
        using var admin = Broker.Admin();
        try
        {
            await admin.CreateTopicsAsync(
                [new TopicSpecification { Name = topic, NumPartitions = Partitions, ReplicationFactor = 1 }],
                new CreateTopicsOptions { RequestTimeout = TimeSpan.FromSeconds(60), OperationTimeout = TimeSpan.FromSeconds(60) });
        }
        catch (CreateTopicsException refused)
        {
            Assert.Contains(refused.Results[0].Error.Code, (ErrorCode[])[ErrorCode.InvalidPartitions, ErrorCode.PolicyViolation]);
            Assert.DoesNotContain(admin.GetMetadata(Patience).Topics, found => found.Topic == topic);
            return;
        }
        await Until.TrueAsync(() => admin.GetMetadata(topic, Patience).Topics[0].Partitions.Count(p => p.Leader >= 0) == Partitions, "all partitions");
        using (var producer = Broker.Producer(config => (config.LingerMs, config.EnableIdempotence) = (5, true)))
        {
            for (var i = 0; i < Partitions; i++)
                producer.Produce(new TopicPartition(topic, i), Record(null, $"{i}"));
            producer.Flush(TimeSpan.FromSeconds(60));
        }
        using (var producer = Broker.Transactional(BrokerFixture.Unique("txn")))
        {
            producer.BeginTransaction();
            for (var i = 0; i < Partitions; i += 10)
                producer.Produce(new TopicPartition(topic, i), Record(null, $"t{i}"));
            producer.CommitTransaction(TimeSpan.FromSeconds(60));
        }
        var read = await Broker.ReadAsync(topic, Partitions);
        Assert.Equal(Partitions + (Partitions / 10), read.Count);
        Assert.All(read, record => Assert.EndsWith($"{record.Partition.Value}", Text(record.Message.Value), StringComparison.Ordinal));
        await admin.DeleteTopicsAsync([topic]);
        await Until.TrueAsync(() => !admin.GetMetadata(Patience).Topics.Exists(found => found.Topic == topic), "the topic to go");
    }
}
