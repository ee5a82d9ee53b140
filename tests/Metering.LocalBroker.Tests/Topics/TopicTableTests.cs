using Metering.LocalBroker.Tests.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Topics;

/// <summary>Topics are made, grown, configured and deleted as Kafka does it; refused as a whole.</summary>
public sealed class TopicTableTests
{
    [Fact]
    public async Task What_Kafka_refuses_is_refused()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("a.b");
        Refuses(ErrorCode.InvalidTopic, "");
        Refuses(ErrorCode.InvalidTopic, "..");
        Refuses(ErrorCode.InvalidTopic, "a/b");
        Refuses(ErrorCode.InvalidTopic, new string('x', 250));
        Refuses(ErrorCode.InvalidTopic, "a_b");
        Refuses(ErrorCode.TopicAlreadyExists, "a.b");
        Refuses(ErrorCode.InvalidPartitions, "t", partitions: 0);
        Refuses(ErrorCode.InvalidPartitions, "t", partitions: 20_000);
        Assert.Contains("never replicates", Refuses(ErrorCode.InvalidReplicationFactor, "t", replication: 3), StringComparison.Ordinal);
        Assert.Contains("retention.ms", Refuses(ErrorCode.InvalidConfig, "t", config: ("retention.msec", "1")), StringComparison.Ordinal);
        Refuses(ErrorCode.InvalidConfig, "t", config: ("retention.ms", "soon"));
        Refuses(ErrorCode.InvalidConfig, "t", config: ("cleanup.policy", "shred"));
        Refuses(ErrorCode.InvalidConfig, "t", config: ("min.insync.replicas", "2"));
        Assert.Single(store.State.Topics.All);

        string Refuses(ErrorCode error, string name, int partitions = 1, int replication = 1, (string Name, string Value)? config = null)
        {
            lock (store.State.Gate)
            {
                var outcome = store.State.Topics.Create(
                    name, partitions, replication, config is { } set ? [KeyValuePair.Create(set.Name, (string?)set.Value)] : [], validateOnly: false);
                Assert.Equal(error, outcome.Error);
                return outcome.Message!;
            }
        }
    }

    [Fact]
    public async Task Ten_thousand_partitions_are_served_and_come_back()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t", 10_000);
        for (var i = 0; i < 10_000; i += 7)
        {
            lock (store.State.Gate)
                store.Log("t", i).Append(Log.Batches.One($"v{i}"), 1_000);
        }
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        await store.KillAndOpenAsync();
        for (var i = 0; i < 10_000; i += 7)
            Assert.Equal($"v{i}", Assert.Single(store.ReadAll("t", partition: i)).Value);
        Assert.Empty(store.ReadAll("t", partition: 1));
    }

    [Fact]
    public async Task Settings_and_partitions_change_and_are_kept()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t", 2, ("retention.ms", "5"));
        List<string> deleted = [];
        lock (store.State.Gate)
        {
            var topic = store.State.Topics.Find("t")!;
            Assert.True(store.State.Topics.AddPartitions("t", 3, validateOnly: false).IsOk);
            Assert.Equal(ErrorCode.InvalidPartitions, store.State.Topics.AddPartitions("t", 3, validateOnly: false).Error);
            Assert.Equal(ErrorCode.UnknownTopicOrPartition, store.State.Topics.AddPartitions("u", 3, validateOnly: false).Error);
            Assert.True(store.State.Topics.Configure(
                topic,
                [
                    new("cleanup.policy", ConfigOperation.Append, "compact"),
                    new("retention.ms", ConfigOperation.Delete, null),
                    new("max.message.bytes", ConfigOperation.Set, "77"),
                ],
                validateOnly: false).IsOk);
            Assert.Equal(ErrorCode.InvalidConfig, store.State.Topics.Configure(topic, [new("segment.ms", ConfigOperation.Append, "1")], validateOnly: false).Error);
        }
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        await store.KillAndOpenAsync();
        await store.CloseAsync();
        await store.OpenAsync();
        lock (store.State.Gate)
        {
            var topic = store.State.Topics.Find("t")!;
            Assert.Same(topic, store.State.Topics.Find(topic.Id));
            Assert.Equal(3, topic.Partitions.Count);
            Assert.Equal(("delete,compact", false), Entry("cleanup.policy"));
            Assert.Equal(("604800000", true), Entry("retention.ms"));
            Assert.Equal(("77", false), Entry("max.message.bytes"));
            store.State.Topics.TopicDeleted = deleted.Add;
            Assert.True(store.State.Topics.Delete(topic).IsOk);
            Assert.Null(store.State.Topics.Find("t"));

            (string?, bool) Entry(string name)
            {
                var entry = topic.Config.Entries.Single(entry => entry.Name == name);
                return (entry.Value, entry.IsDefault);
            }
        }
        Assert.Equal(["t"], deleted);
    }
}
