using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Groups;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealJavaTests(RealFixture broker) : JavaTests(broker);

public sealed class LocalJavaTests(LocalFixture broker) : JavaTests(broker);

/// <summary>Kafka's own producers and consumers, in Java.</summary>
public abstract class JavaTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Tools = "org.apache.kafka.tools.";

    private Task<string> ToolAsync(string type, params string[] arguments) => Tool.JavaAsync(Tools + type, "", ["--bootstrap-server", Broker.Brokers, .. arguments]);

    [Theory]
    [InlineData("none")]
    [InlineData("zstd")]
    public async Task Console_producer_and_consumer_speak_with_each_other_and_with_ours(string codec)
    {
        var topic = await Broker.CreateTopicAsync("console", 3);
        await Tool.JavaAsync(Tools + "ConsoleProducer", "k1:v1\nk2:v2\nk3:v3\n",
            "--bootstrap-server", Broker.Brokers, "--topic", topic, "--compression-codec", codec, "--property", "parse.key=true", "--property", "key.separator=:");
        Assert.Equal(["k1=v1", "k2=v2", "k3=v3"], (await Broker.ReadAsync(topic, 3)).Select(r => $"{Text(r.Message.Key)}={Text(r.Message.Value)}").Order(StringComparer.Ordinal));
        using (var producer = Broker.Producer())
            await producer.ProduceAsync(topic, Record("k4", "v4"));
        var read = await Tool.JavaAsync(Tools + "consumer.ConsoleConsumer", "",
            "--bootstrap-server", Broker.Brokers, "--topic", topic, "--from-beginning", "--max-messages", "4", "--timeout-ms", "30000", "--isolation-level", "read_committed");
        Assert.Equal(["v1", "v2", "v3", "v4"], read.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Verifiable_producers_records_are_all_acknowledged_and_the_verifiable_consumer_sees_each()
    {
        var topic = await Broker.CreateTopicAsync("verifiable", 4);
        var sent = await ToolAsync("VerifiableProducer", "--topic", topic, "--max-messages", "2000");
        Assert.Contains("\"acked\":2000", sent, StringComparison.Ordinal);
        var read = await ToolAsync("VerifiableConsumer", "--topic", topic, "--group-id", BrokerFixture.Unique("group"), "--max-messages", "2000", "--reset-policy", "earliest", "--group-protocol", "classic");
        Assert.Equal(2_000, read.Split('\n').Where(line => line.Contains("\"name\":\"records_consumed\"", StringComparison.Ordinal))
            .Sum(line => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("count").GetInt32()));
        Assert.DoesNotContain("\"success\":false", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transactional_copier_copies_each_record_once()
    {
        const int Records = 300;
        var (from, to) = (await Broker.CreateTopicAsync("from"), await Broker.CreateTopicAsync("to"));
        using (var producer = Broker.Producer())
        {
            for (var i = 0; i < Records; i++)
                producer.Produce(from, Record($"{i}", $"{i}"));
            producer.Flush(Patience);
        }
        var (group, id) = (BrokerFixture.Unique("group"), BrokerFixture.Unique("txn"));
        await Tool.JavaAsync(Tools + "TransactionalMessageCopier", "",
            "--broker-list", Broker.Brokers, "--input-topic", from, "--input-partition", "0", "--output-topic", to, "--transactional-id", id, "--consumer-group", group,
            "--max-messages", $"{Records}", "--transaction-size", "50", "--group-mode", "--use-group-metadata");
        Assert.Equal(Enumerable.Range(0, Records).Select(i => $"{i}"), Values(await Broker.ReadAsync(to)));
        using var raw = await RawGroup.OpenAsync(Broker, group);
        Assert.Equal(Records, (await raw.CommittedAsync(from)).Offset);
    }

    [Fact]
    public async Task Performance_tools_write_and_read_what_they_say()
    {
        var topic = await Broker.CreateTopicAsync("performance", 2);
        var written = await Tool.JavaAsync(Tools + "ProducerPerformance", "",
            "--topic", topic, "--num-records", "50000", "--record-size", "200", "--throughput", "-1", "--bootstrap-server", Broker.Brokers);
        Assert.Contains("50000 records sent", written, StringComparison.Ordinal);
        var read = await ToolAsync("ConsumerPerformance", "--topic", topic, "--num-records", "50000", "--timeout", "30000");
        Assert.Contains("50000", read, StringComparison.Ordinal);
        Assert.Equal(50_000, (await Broker.ReadAsync(topic, 2)).Count);
    }

    [Fact]
    public async Task Transactional_performance_producers_records_are_all_committed()
    {
        var topic = await Broker.CreateTopicAsync("performance");
        await Tool.JavaAsync(Tools + "ProducerPerformance", "",
            "--topic", topic, "--num-records", "20000", "--record-size", "100", "--throughput", "-1", "--bootstrap-server", Broker.Brokers,
            "--transactional-id", BrokerFixture.Unique("txn"), "--transaction-duration-ms", "20");
        Assert.Equal(20_000, (await Broker.ReadAsync(topic, isolation: IsolationLevel.ReadCommitted)).Count);
    }
}
