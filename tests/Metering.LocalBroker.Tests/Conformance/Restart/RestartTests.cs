using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Groups;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Restart;

public sealed class RealRestartTests(RealRestartFixture broker) : RestartTests(broker), IClassFixture<RealRestartFixture>;

public sealed class LocalRestartTests(LocalRestartFixture broker) : RestartTests(broker), IClassFixture<LocalRestartFixture>;

public sealed class LocalProcessRestartTests(LocalProcessRestartFixture broker) : RestartTests(broker), IClassFixture<LocalProcessRestartFixture>;

/// <summary>kill -9 at any time, and everything that was acknowledged is there: records once, transactions whole, offsets.</summary>
public abstract class RestartTests(RestartFixture broker) : ConformanceTests(broker)
{
    private static readonly TimeSpan Recovers = TimeSpan.FromSeconds(60);

    // Kills at times that are no test's step, and gives the writers time in between to get going again.
    private async Task KillOftenAsync(Random random, Func<long> progress)
    {
        for (var kill = 0; kill < broker.Kills; kill++)
        {
            var before = progress();
            await Until.TrueAsync(() => progress() > before + 20, $"progress before kill {kill + 1}", Recovers);
            await Task.Delay(random.Next(0, 400));
            await broker.KillAsync();
            await Task.Delay(random.Next(0, 100));
            await broker.ReviveAsync();
        }
    }

    [Fact]
    public async Task R32_Producer_and_consumer_live_through_kills_and_every_acknowledged_record_is_there_once()
    {
        var random = Seeded();
        var topic = await Broker.CreateTopicAsync("killed");
        var (acknowledged, sent) = (0L, 0);
        using var stop = new CancellationTokenSource();
        await using var member = new Member(Broker, BrokerFixture.Unique("group"), topic, PartitionAssignmentStrategy.CooperativeSticky);
        var writing = Task.Run(() =>
        {
            using var producer = Broker.Producer(config => (config.MessageTimeoutMs, config.LingerMs, config.CompressionType) = (120_000, 1, CompressionType.Lz4));
            for (; !stop.IsCancellationRequested; sent++)
            {
                producer.Produce(topic, Record(null, $"{sent}"), report => Interlocked.Add(ref acknowledged, report.Error.IsError ? 0 : 1));
                // A few thousand a second: the consumer has to keep up. And none while a dead broker leaves many
                // unanswered: a real Kafka takes so long to come back that the producer's queue would run full.
                if (sent % 20 == 19)
                    stop.Token.WaitHandle.WaitOne(5);
                while (sent - Interlocked.Read(ref acknowledged) > 10_000 && !stop.IsCancellationRequested)
                    stop.Token.WaitHandle.WaitOne(20);
            }
            producer.Flush(Recovers);
        });
        await KillOftenAsync(random, () => Interlocked.Read(ref acknowledged));
        await stop.CancelAsync();
        await writing;
        // The producer waits for the broker to come back: in the end all are acknowledged.
        Assert.Equal(sent, acknowledged);
        Assert.Equal(Enumerable.Range(0, sent).Select(i => $"{i}"), Values(await Broker.ReadAsync(topic)));
        await Until.TrueAsync(() => member.Seen.Select(seen => seen.Where.Offset.Value).Distinct().Count() == sent, "the consumer to see all", Recovers);
    }

    [Fact]
    public async Task R32_Transactions_over_partitions_and_offsets_are_whole_after_kills()
    {
        const int Partitions = 3;
        var random = Seeded();
        var (topic, source) = (await Broker.CreateTopicAsync("killed", Partitions), await Broker.CreateTopicAsync("source"));
        var writer = new TransactionWriter(Broker, topic, Partitions, source);
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(() => writer.Run(stop.Token));
        await KillOftenAsync(random, () => writer.Committed.Count);
        await stop.CancelAsync();
        await writing.WaitAsync(Recovers);
        var read = await Broker.ReadAsync(topic, Partitions);
        // A real Kafka answers a commit before its markers stand in every partition: the last one may still be to come.
        await Until.TrueAsync(async () =>
        {
            read = await Broker.ReadAsync(topic, Partitions);
            var values = read.Select(record => Text(record.Message.Value)).ToHashSet(StringComparer.Ordinal);
            return writer.Committed.All(one => values.Contains(one.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }, "every transaction whose commit was answered", Recovers);
        var transactions = read.GroupBy(record => long.Parse(Text(record.Message.Value)!, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.All(transactions, transaction => Assert.Equal(
            Enumerable.Range(0, Partitions), transaction.Select(record => record.Partition.Value).Order()));
        var found = transactions.Select(transaction => transaction.Key).ToHashSet();
        Assert.Superset(writer.Committed.ToHashSet(), found);
        Assert.DoesNotContain(writer.Aborted, found.Contains);
        // The offset that went with the last one.
        using var raw = await RawGroup.OpenAsync(Broker, writer.Group);
        Assert.Equal(found.Max(), (await raw.CommittedAsync(source)).Offset);
    }

    [Fact]
    public async Task R32_Topics_settings_offsets_and_aborts_are_there_after_a_kill()
    {
        var topic = await Broker.CreateTopicAsync("kept", 3, ("retention.ms", "123456789"), ("message.timestamp.type", "LogAppendTime"));
        var deleted = await Broker.CreateTopicAsync("deleted");
        var group = BrokerFixture.Unique("group");
        using var admin = Broker.Admin();
        await admin.CreatePartitionsAsync([new() { Topic = topic, IncreaseTo = 5 }]);
        await admin.DeleteTopicsAsync([deleted]);
        await Until.TrueAsync(() => admin.GetMetadata(topic, Patience).Topics[0].Partitions.Count(p => p.Leader >= 0) == 5, "five partitions");
        using (var producer = Broker.Transactional(BrokerFixture.Unique("txn")))
        {
            foreach (var (value, commits) in ((string, bool)[])[("kept", true), ("aborted", false), ("kept too", true)])
            {
                producer.BeginTransaction();
                producer.Produce(new TopicPartition(topic, 4), Record("k", value));
                if (commits)
                    producer.CommitTransaction(Patience);
                else
                    producer.AbortTransaction(Patience);
            }
        }
        using (var raw = await RawGroup.OpenAsync(Broker, group))
            await Until.TrueAsync(async () => await CommitAsync(raw, topic) == 0, "a commit");
        await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 4, 1)]);
        var id = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].TopicId.ToString();
        var cluster = (await admin.DescribeClusterAsync()).ClusterId;

        await broker.KillAsync();
        await broker.ReviveAsync();

        using var after = Broker.Admin();
        await Until.TrueAsync(() => after.GetMetadata(topic, Patience).Topics[0].Partitions.Count(p => p.Leader >= 0) == 5, "its partitions", Recovers);
        Assert.DoesNotContain(after.GetMetadata(Patience).Topics, found => found.Topic == deleted);
        Assert.Equal(cluster, (await after.DescribeClusterAsync()).ClusterId);
        Assert.Equal(id, (await after.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].TopicId.ToString());
        var config = (await after.DescribeConfigsAsync([new() { Type = Confluent.Kafka.Admin.ResourceType.Topic, Name = topic }]))[0].Entries;
        Assert.Equal(("123456789", "LogAppendTime"), (config["retention.ms"].Value, config["message.timestamp.type"].Value));
        Assert.Equal(["kept too"], (await Broker.ReadAsync(topic, 5)).Where(r => r.Offset > 0).Select(record => Text(record.Message.Value)));
        using var reader = await RawGroup.OpenAsync(Broker, group);
        Assert.Equal((42, "a plan"), await reader.CommittedAsync(topic));
    }

    // A coordinator that has just been made, as a real Kafka's first is, loads its groups and says so for a moment.
    private static async Task<int> CommitAsync(RawGroup group, string topic)
    {
        int error = await group.CommitAsync(topic, 42, "a plan", generation: -1, memberId: "");
        Assert.True(error is 0 or 14 or 15 or 16, $"error {error}");
        return error;
    }
}
