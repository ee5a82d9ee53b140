using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Admin;

public sealed class RealConfigTests(RealFixture broker) : ConfigTests(broker);

public sealed class LocalConfigTests(LocalFixture broker) : ConfigTests(broker);

/// <summary>A topic's settings, read and changed.</summary>
public abstract class ConfigTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private static ConfigResource Of(string topic) => new() { Type = ResourceType.Topic, Name = topic };

    private static async Task<Dictionary<string, ConfigEntryResult>> DescribeAsync(IAdminClient admin, string topic) =>
        (await admin.DescribeConfigsAsync([Of(topic)]))[0].Entries;

    private static Task AlterAsync(IAdminClient admin, string topic, params (string Name, AlterConfigOpType Operation, string? Value)[] changes) =>
        admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [Of(topic)] = [.. changes.Select(change => new ConfigEntry { Name = change.Name, Value = change.Value, IncrementalOperation = change.Operation })],
        });

    [Theory]
    [InlineData("cleanup.policy", "delete")]
    [InlineData("retention.ms", "604800000")]
    [InlineData("retention.bytes", "-1")]
    [InlineData("segment.bytes", "1073741824")]
    [InlineData("segment.ms", "604800000")]
    [InlineData("max.message.bytes", "1048588")]
    [InlineData("message.timestamp.type", "CreateTime")]
    [InlineData("min.cleanable.dirty.ratio", "0.5")]
    [InlineData("delete.retention.ms", "86400000")]
    [InlineData("compression.type", "producer")]
    [InlineData("min.insync.replicas", "1")]
    public async Task Describe_of_a_setting_that_nobody_set_is_kafkas_default(string name, string value)
    {
        using var admin = Broker.Admin();
        var entries = await DescribeAsync(admin, await Broker.CreateTopicAsync());
        Assert.Equal(value, entries[name].Value);
        if (name != "min.insync.replicas") // The shared Kafka's own file sets it.
            Assert.True(entries[name].IsDefault);
    }

    [Fact]
    public async Task Alter_sets_deletes_appends_and_takes_away_and_leaves_the_others()
    {
        var topic = await Broker.CreateTopicAsync("altered", 1, ("retention.ms", "1000000"), ("segment.bytes", "2000000"));
        using var admin = Broker.Admin();
        await AlterAsync(admin, topic, ("retention.ms", AlterConfigOpType.Set, "5000000"), ("max.message.bytes", AlterConfigOpType.Set, "4000"));
        await ExpectAsync("retention.ms", "5000000");
        await ExpectAsync("max.message.bytes", "4000");
        await ExpectAsync("segment.bytes", "2000000");
        await AlterAsync(admin, topic, ("retention.ms", AlterConfigOpType.Delete, null));
        await ExpectAsync("retention.ms", "604800000");
        await AlterAsync(admin, topic, ("cleanup.policy", AlterConfigOpType.Append, "compact"));
        await ExpectAsync("cleanup.policy", "delete,compact");
        await AlterAsync(admin, topic, ("cleanup.policy", AlterConfigOpType.Subtract, "delete"));
        await ExpectAsync("cleanup.policy", "compact");

        Task ExpectAsync(string name, string value) =>
            Until.TrueAsync(async () => (await DescribeAsync(admin, topic))[name].Value == value, $"{name} = {value}");
    }

    [Fact]
    public async Task Alter_takes_effect_on_the_next_record()
    {
        var topic = await Broker.CreateTopicAsync();
        using var admin = Broker.Admin();
        await AlterAsync(admin, topic, ("max.message.bytes", AlterConfigOpType.Set, "1000"));
        using var producer = Broker.Producer(config => config.EnableIdempotence = false);
        await Until.TrueAsync(async () => await FailsAsync(), "the limit to hold");

        async Task<bool> FailsAsync()
        {
            try
            {
                await producer.ProduceAsync(topic, new() { Value = new byte[2_000] });
                return false;
            }
            catch (ProduceException<byte[]?, byte[]?> refused)
            {
                Assert.Equal(ErrorCode.MsgSizeTooLarge, refused.Error.Code);
                return true;
            }
        }
    }

    [Theory]
    [InlineData("retention.ms", "soon", ErrorCode.InvalidConfig)]
    [InlineData("retention.ms", "-2", ErrorCode.InvalidConfig)]
    [InlineData("no.such.setting", "1", ErrorCode.InvalidConfig)]
    [InlineData("message.timestamp.type", "Never", ErrorCode.InvalidConfig)]
    public async Task Alter_to_what_cannot_be_is_refused_and_changes_nothing(string name, string value, ErrorCode expected)
    {
        var topic = await Broker.CreateTopicAsync();
        using var admin = Broker.Admin();
        var refused = await Assert.ThrowsAsync<IncrementalAlterConfigsException>(() =>
            AlterAsync(admin, topic, ("segment.ms", AlterConfigOpType.Set, "777777"), (name, AlterConfigOpType.Set, value)));
        Assert.Equal(expected, refused.Results[0].Error.Code);
        Assert.Equal("604800000", (await DescribeAsync(admin, topic))["segment.ms"].Value);
    }

    [Fact]
    public async Task Configs_of_a_topic_that_does_not_exist_are_refused()
    {
        using var admin = Broker.Admin();
        var none = BrokerFixture.Unique("none");
        var described = await Assert.ThrowsAsync<DescribeConfigsException>(() => admin.DescribeConfigsAsync([Of(none)]));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, described.Results[0].Error.Code);
        var altered = await Assert.ThrowsAsync<IncrementalAlterConfigsException>(() => AlterAsync(admin, none, ("retention.ms", AlterConfigOpType.Set, "1000")));
        Assert.Equal(ErrorCode.UnknownTopicOrPart, altered.Results[0].Error.Code);
    }

    [Fact]
    public async Task Describe_of_the_broker_answers()
    {
        using var admin = Broker.Admin();
        var id = (await admin.DescribeClusterAsync()).Nodes[0].Id;
        var entries = (await admin.DescribeConfigsAsync([new ConfigResource { Type = ResourceType.Broker, Name = $"{id}" }]))[0].Entries;
        Assert.Equal("false", entries["auto.create.topics.enable"].Value);
    }
}
