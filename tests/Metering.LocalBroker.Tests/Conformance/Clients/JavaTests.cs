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
}
