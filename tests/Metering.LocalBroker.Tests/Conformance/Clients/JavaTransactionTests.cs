using Confluent.Kafka;
using Metering.LocalBroker.Tests.Conformance.Groups;
using Metering.LocalBroker.Tests.Conformance.Kit;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealJavaTransactionTests(RealFixture broker) : JavaTransactionTests(broker);

public sealed class LocalJavaTransactionTests(LocalFixture broker) : JavaTransactionTests(broker);

/// <summary>Kafka's own transactional clients and its measuring ones, in Java.</summary>
public abstract class JavaTransactionTests(BrokerFixture broker) : ConformanceTests(broker)
{
    private const string Tools = "org.apache.kafka.tools.";

    private Task<string> ToolAsync(string type, params string[] arguments) => Tool.JavaAsync(Tools + type, "", ["--bootstrap-server", Broker.Brokers, .. arguments]);

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
