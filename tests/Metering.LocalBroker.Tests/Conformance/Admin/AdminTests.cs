using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Admin;

public sealed class RealAdminTests(RealFixture broker) : AdminTests(broker);

public sealed class LocalAdminTests(LocalFixture broker) : AdminTests(broker);

/// <summary>Topics are made, grown, described, configured and removed.</summary>
public abstract class AdminTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private async Task<ErrorCode> CreateAsync(TopicSpecification topic, bool validateOnly = false)
    {
        using var admin = Broker.Admin();
        try
        {
            await admin.CreateTopicsAsync([topic], new CreateTopicsOptions { ValidateOnly = validateOnly, OperationTimeout = Patience, RequestTimeout = Patience });
            return ErrorCode.NoError;
        }
        catch (CreateTopicsException refused)
        {
            return refused.Results[0].Error.Code;
        }
    }

    private static TopicSpecification Topic(string name, int partitions = 1, short replicas = 1, params (string Name, string Value)[] config) => new()
    {
        Name = name,
        NumPartitions = partitions,
        ReplicationFactor = replicas,
        Configs = config.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal),
    };

    private bool Exists(string topic)
    {
        using var admin = Broker.Admin();
        return admin.GetMetadata(Patience).Topics.Exists(found => found.Topic == topic);
    }

    [Fact]
    public async Task Create_to_validate_only_says_what_would_be_and_makes_nothing()
    {
        var name = BrokerFixture.Unique("validated");
        Assert.Equal(ErrorCode.NoError, await CreateAsync(Topic(name), validateOnly: true));
        Assert.False(Exists(name));
        Assert.Equal(ErrorCode.NoError, await CreateAsync(Topic(name)));
        Assert.Equal(ErrorCode.TopicAlreadyExists, await CreateAsync(Topic(name), validateOnly: true));
        Assert.Equal(ErrorCode.TopicAlreadyExists, await CreateAsync(Topic(name)));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("with/slash")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("ümlaut")]
    public async Task Create_with_a_name_that_is_no_topics_is_refused(string name) =>
        Assert.Equal(ErrorCode.TopicException, await CreateAsync(Topic(name)));

    [Theory]
    [InlineData(249, ErrorCode.NoError)]
    [InlineData(250, ErrorCode.TopicException)]
    public async Task Create_with_a_long_name_is_taken_to_249_characters(int length, ErrorCode expected) =>
        Assert.Equal(expected, await CreateAsync(Topic(BrokerFixture.Unique("long").PadRight(length, 'x'))));

    [Fact]
    public async Task Create_with_impossible_numbers_or_settings_is_refused_by_its_own_code()
    {
        Assert.Equal(ErrorCode.InvalidPartitions, await CreateAsync(Topic(BrokerFixture.Unique("none"), partitions: 0)));
        Assert.Equal(ErrorCode.InvalidReplicationFactor, await CreateAsync(Topic(BrokerFixture.Unique("three"), replicas: 3)));
        Assert.Equal(ErrorCode.InvalidConfig, await CreateAsync(Topic(BrokerFixture.Unique("config"), 1, 1, ("retention.ms", "soon"))));
        Assert.Equal(ErrorCode.InvalidConfig, await CreateAsync(Topic(BrokerFixture.Unique("config"), 1, 1, ("no.such.setting", "1"))));
        Assert.Equal(ErrorCode.InvalidConfig, await CreateAsync(Topic(BrokerFixture.Unique("config"), 1, 1, ("cleanup.policy", "burn"))));
    }

    [Fact]
    public async Task Create_with_defaults_of_the_broker_makes_at_least_one_partition()
    {
        var name = BrokerFixture.Unique("default");
        Assert.Equal(ErrorCode.NoError, await CreateAsync(Topic(name, partitions: -1, replicas: -1)));
        using var admin = Broker.Admin();
        await Until.TrueAsync(() => admin.GetMetadata(name, Patience).Topics[0].Partitions.Count >= 1, "its partitions");
    }

    [Fact]
    public async Task Create_of_several_topics_at_once_makes_the_good_ones_and_names_the_bad()
    {
        using var admin = Broker.Admin();
        var (good, bad) = (BrokerFixture.Unique("good"), "bad name");
        var refused = await Assert.ThrowsAsync<CreateTopicsException>(() => admin.CreateTopicsAsync([Topic(good), Topic(bad)]));
        Assert.Equal(ErrorCode.NoError, refused.Results.Single(result => result.Topic == good).Error.Code);
        Assert.Equal(ErrorCode.TopicException, refused.Results.Single(result => result.Topic == bad).Error.Code);
        await Until.TrueAsync(() => Exists(good), "the good one");
    }

    [Fact]
    public async Task Create_partitions_grows_a_topic_and_never_shrinks_it()
    {
        var topic = await Broker.CreateTopicAsync("growing", 2);
        using var admin = Broker.Admin();
        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = 5 }]);
        await Until.TrueAsync(() => admin.GetMetadata(topic, Patience).Topics[0].Partitions.Count(p => p.Leader >= 0) == 5, "five partitions");
        using var producer = Broker.Producer();
        await producer.ProduceAsync(new TopicPartition(topic, 4), Record(null, "in the new one"));
        Assert.Equal(["in the new one"], Values(await Broker.ReadAsync(topic, 5)));
        Assert.Equal(ErrorCode.InvalidPartitions, await GrowAsync(topic, 3));
        Assert.Equal(ErrorCode.InvalidPartitions, await GrowAsync(topic, 5));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, await GrowAsync(BrokerFixture.Unique("none"), 5));

        async Task<ErrorCode> GrowAsync(string name, int to) =>
            (await Assert.ThrowsAsync<CreatePartitionsException>(() => admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = name, IncreaseTo = to }]))).Results[0].Error.Code;
    }

    [Fact]
    public async Task Delete_topic_removes_its_records_and_a_new_one_of_its_name_is_empty_and_has_another_id()
    {
        using var admin = Broker.Admin();
        using var producer = Broker.Producer();
        var name = await Broker.CreateTopicAsync("deleted");
        await producer.ProduceAsync(name, Record(null, "gone"));
        var first = await IdAsync(admin, name);
        await admin.DeleteTopicsAsync([name]);
        await Until.TrueAsync(() => !Exists(name), "the topic to go");
        await Until.TrueAsync(async () => await CreateAsync(Topic(name)) == ErrorCode.NoError, "the name to be free");
        await Until.TrueAsync(() => admin.GetMetadata(name, Patience).Topics[0].Partitions.Count == 1, "the new one");
        Assert.Empty(await Broker.ReadAsync(name));
        Assert.NotEqual(first, await IdAsync(admin, name));
        var refused = await Assert.ThrowsAsync<DeleteTopicsException>(() => admin.DeleteTopicsAsync([BrokerFixture.Unique("none")]));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, refused.Results[0].Error.Code);
    }

    private static async Task<string> IdAsync(IAdminClient admin, string topic) =>
        (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].TopicId.ToString();

    [Fact]
    public async Task Describe_topics_and_cluster_name_ids_leaders_and_nodes()
    {
        var topic = await Broker.CreateTopicAsync("described", 3);
        using var admin = Broker.Admin();
        var cluster = await admin.DescribeClusterAsync();
        Assert.False(string.IsNullOrEmpty(cluster.ClusterId));
        var node = Assert.Single(cluster.Nodes);
        Assert.Equal((Broker.Port, node.Id), (node.Port, cluster.Controller.Id));
        var found = Assert.Single((await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions);
        Assert.Equal((topic, false, 3), (found.Name, found.IsInternal, found.Partitions.Count));
        Assert.True(found.TopicId.MostSignificantBits != 0 || found.TopicId.LeastSignificantBits != 0);
        Assert.All(found.Partitions, partition => Assert.Equal((node.Id, node.Id), (partition.Leader.Id, Assert.Single(partition.ISR).Id)));
        var none = await Assert.ThrowsAsync<DescribeTopicsException>(() => admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([BrokerFixture.Unique("none")])));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, none.Results.TopicDescriptions[0].Error.Code);
    }

    [Fact]
    public async Task List_offsets_by_the_admin_client_are_first_last_by_time_and_of_the_largest_time()
    {
        var topic = await Broker.CreateTopicAsync("listed", 1, ("retention.ms", "-1"));
        using var producer = Broker.Producer();
        foreach (var time in (long[])[1_000, 9_000, 5_000])
            await producer.ProduceAsync(topic, new() { Value = [1], Timestamp = new Timestamp(1_700_000_000_000 + time, TimestampType.CreateTime) });
        using var admin = Broker.Admin();
        Assert.Equal((0, -1), await ListAsync(OffsetSpec.Earliest()));
        Assert.Equal((3, -1), await ListAsync(OffsetSpec.Latest()));
        Assert.Equal((1, 1_700_000_009_000), await ListAsync(OffsetSpec.MaxTimestamp()));
        Assert.Equal((1, 1_700_000_009_000), await ListAsync(OffsetSpec.ForTimestamp(1_700_000_001_001)));
        Assert.Equal((-1, -1), await ListAsync(OffsetSpec.ForTimestamp(1_700_000_009_001)));

        async Task<(long, long)> ListAsync(OffsetSpec spec)
        {
            var found = (await admin.ListOffsetsAsync([new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic, 0), OffsetSpec = spec }])).ResultInfos[0];
            return (found.TopicPartitionOffsetError.Offset.Value, found.Timestamp);
        }
    }

    [Fact]
    public async Task Delete_records_moves_the_first_offset_up_and_no_reader_sees_them_again()
    {
        var topic = await Broker.CreateTopicAsync("trimmed");
        using var producer = Broker.Producer();
        for (var i = 0; i < 100; i++)
            producer.Produce(topic, Record(null, $"{i}"));
        producer.Flush(Patience);
        using var admin = Broker.Admin();
        var deleted = await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, 40)]);
        Assert.Equal(40, deleted[0].Offset.Value);
        Assert.Equal(Enumerable.Range(40, 60).Select(i => $"{i}"), Values(await Broker.ReadAsync(topic)));
        using var consumer = Broker.Consumer();
        Assert.Equal(40, consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).Low.Value);
        var refused = await Assert.ThrowsAsync<DeleteRecordsException>(() => admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, 101)]));
        Assert.Equal(ErrorCode.OffsetOutOfRange, refused.Results[0].Error.Code);
        Assert.Equal(100, (await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, Offset.End)]))[0].Offset.Value);
        Assert.Empty(await Broker.ReadAsync(topic));
        Assert.Equal(100, (await producer.ProduceAsync(topic, Record(null, "next"))).Offset.Value);
    }
}
