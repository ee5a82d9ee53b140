using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Groups;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealJavaGroupAdminTests(RealFixture broker) : JavaGroupAdminTests(broker);

public sealed class LocalJavaGroupAdminTests(LocalFixture broker) : JavaGroupAdminTests(broker);

/// <summary>Kafka's own administration of groups, transactions and offsets, in Java.</summary>
public abstract class JavaGroupAdminTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Tools = "org.apache.kafka.tools.";

    private Task<string> ToolAsync(string type, params string[] arguments) => Tool.JavaAsync(type, "", ["--bootstrap-server", Broker.Brokers, .. arguments]);

    private async Task<string> WithRecordsAsync(int records, int partitions = 1)
    {
        var topic = await Broker.CreateTopicAsync("java", partitions);
        using var producer = Broker.Producer();
        for (var i = 0; i < records; i++)
            producer.Produce(new TopicPartition(topic, i % partitions), Record("k", "v"));
        producer.Flush(Patience);
        return topic;
    }

    [Fact]
    public async Task Consumer_group_command_lists_describes_and_resets()
    {
        const string Command = Tools + "consumer.group.ConsumerGroupCommand";
        var topic = await WithRecordsAsync(10);
        var group = BrokerFixture.Unique("group");
        await using (var member = new Member(Broker, group, topic, PartitionAssignmentStrategy.Range))
        {
            await Until.TrueAsync(() => member.Seen.Count == 10, "its records");
            Assert.Contains(group, await ToolAsync(Command, "--list"), StringComparison.Ordinal);
            var described = await ToolAsync(Command, "--describe", "--group", group);
            Assert.Matches($@"{group}\s+{topic}\s+0\s+10\s+10\s+0\s+rdkafka", described);
        }
        Assert.Matches($@"{topic}\s+0\s+4", await ToolAsync(Command, "--reset-offsets", "--group", group, "--topic", topic, "--to-offset", "4", "--execute"));
        using var raw = await RawGroup.OpenAsync(Broker, group);
        Assert.Equal(4, (await raw.CommittedAsync(topic)).Offset);
        Assert.Contains("successful", await ToolAsync(Command, "--delete", "--group", group), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transactions_command_lists_describes_and_shows_producers()
    {
        const string Command = Tools + "TransactionsCommand";
        var topic = await Broker.CreateTopicAsync();
        var id = BrokerFixture.Unique("txn");
        // Longer than three tools take to start on a busy machine.
        using var producer = Broker.Transactional(id, static config => config.TransactionTimeoutMs = 300_000);
        producer.BeginTransaction();
        producer.Produce(topic, Record(null, "open"));
        producer.Flush(Patience);
        Assert.Matches($@"{id}\s+\d+\s+\d+\s+Ongoing", await ToolAsync(Command, "list"));
        var described = await ToolAsync(Command, "describe", "--transactional-id", id);
        Assert.Matches($@"{id}\s+\d+\s+0\s+Ongoing\s+300000\s.*{topic}-0", described);
        Assert.Matches(@"\d+\s+0\s+-?\d+\s+0\s+\d+\s+0", await ToolAsync(Command, "describe-producers", "--topic", topic, "--partition", "0"));
        producer.AbortTransaction(Patience);
        Assert.Matches($@"{id}\s+\d+\s+\d+\s+CompleteAbort", await ToolAsync(Command, "list"));
    }

    [Fact]
    public async Task Offset_shell_and_delete_records_agree()
    {
        var topic = await WithRecordsAsync(20, partitions: 2);
        Assert.Equal($"{topic}:0:10\n{topic}:1:10\n", await ToolAsync(Tools + "GetOffsetShell", "--topic", topic));
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, $$"""{"version":1,"partitions":[{"topic":"{{topic}}","partition":0,"offset":6}]}""");
            Assert.Contains("low_watermark: 6", await ToolAsync(Tools + "DeleteRecordsCommand", "--offset-json-file", file), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
        Assert.Equal($"{topic}:0:6\n{topic}:1:0\n", await ToolAsync(Tools + "GetOffsetShell", "--topic", topic, "--time", "-2"));
    }
}
