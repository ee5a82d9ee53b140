using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealJavaAdminTests(RealFixture broker) : JavaAdminTests(broker);

public sealed class LocalJavaAdminTests(LocalFixture broker) : JavaAdminTests(broker);

/// <summary>Kafka's own administration of topics and settings, in Java.</summary>
public abstract class JavaAdminTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Tools = "org.apache.kafka.tools.";

    private Task<string> ToolAsync(string type, params string[] arguments) => Tool.JavaAsync(type, "", ["--bootstrap-server", Broker.Brokers, .. arguments]);

    [Fact]
    public async Task Topic_command_creates_lists_describes_grows_and_deletes()
    {
        const string Command = Tools + "TopicCommand";
        var topic = BrokerFixture.Unique("java");
        await ToolAsync(Command, "--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=1234567");
        Assert.Contains(topic, await ToolAsync(Command, "--list"), StringComparison.Ordinal);
        await ToolAsync(Command, "--alter", "--topic", topic, "--partitions", "4");
        var described = await ToolAsync(Command, "--describe", "--topic", topic);
        Assert.Matches(@"PartitionCount: 4\s+ReplicationFactor: 1", described);
        Assert.Contains("retention.ms=1234567", described, StringComparison.Ordinal);
        Assert.Equal(4, described.Split('\n').Count(line => line.Contains("Leader: ", StringComparison.Ordinal)));
        await ToolAsync(Command, "--delete", "--topic", topic);
        using var admin = Broker.Admin();
        await Until.TrueAsync(() => !admin.GetMetadata(Patience).Topics.Exists(found => found.Topic == topic), "the topic to go");
    }

    [Fact]
    public async Task Config_command_alters_and_describes()
    {
        const string Command = "kafka.admin.ConfigCommand";
        var topic = await Broker.CreateTopicAsync();
        await ToolAsync(Command, "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", "retention.ms=7654321,cleanup.policy=[compact,delete]");
        var described = await ToolAsync(Command, "--describe", "--entity-type", "topics", "--entity-name", topic);
        Assert.Contains("retention.ms=7654321", described, StringComparison.Ordinal);
        Assert.Contains("cleanup.policy=compact,delete", described, StringComparison.Ordinal);
        await ToolAsync(Command, "--alter", "--entity-type", "topics", "--entity-name", topic, "--delete-config", "retention.ms");
        Assert.DoesNotContain("7654321", await ToolAsync(Command, "--describe", "--entity-type", "topics", "--entity-name", topic), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Api_versions_command_understands_the_broker() =>
        Assert.Contains("Produce(0): ", await ToolAsync(Tools + "BrokerApiVersionsCommand"), StringComparison.Ordinal);
}
