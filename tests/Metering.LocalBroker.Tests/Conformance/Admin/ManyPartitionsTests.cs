using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Admin;

/// <summary>Ten thousand partitions are served or refused, never half. Ours alone: the real one needs minutes for them.</summary>
public sealed class LocalManyPartitionsTests(LocalFixture broker) : ConformanceTests(broker)
{
    private const int Partitions = 10_000, Step = 10;

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
        // Each tenth is written, and written again in one transaction over all of them.
        var sample = Enumerable.Range(0, Partitions / Step).Select(i => i * Step).ToList();
        using (var producer = Broker.Transactional(BrokerFixture.Unique("txn")))
        {
            foreach (var round in (string[])["first", "second"])
            {
                producer.BeginTransaction();
                foreach (var partition in sample)
                    producer.Produce(new TopicPartition(topic, partition), Record(null, $"{round} {partition}"));
                producer.CommitTransaction(TimeSpan.FromSeconds(60));
            }
        }
        using var consumer = Broker.Consumer();
        consumer.Assign(sample.Select(partition => new TopicPartitionOffset(topic, partition, Offset.Beginning)));
        var read = new List<ConsumeResult<byte[]?, byte[]?>>();
        for (var deadline = Until.In(Patience); read.Count < 2 * sample.Count; deadline.Check($"all records, not {read.Count}"))
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is { } record)
                read.Add(record);
        }
        foreach (var partition in read.GroupBy(record => record.Partition.Value))
            Assert.Equal([$"first {partition.Key}", $"second {partition.Key}"], Values(partition));
        await admin.DeleteTopicsAsync([topic]);
        await Until.TrueAsync(() => !admin.GetMetadata(Patience).Topics.Exists(found => found.Topic == topic), "the topic to go");
    }
}
