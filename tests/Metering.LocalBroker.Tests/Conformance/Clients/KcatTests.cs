using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

public sealed class RealKcatTests(RealFixture broker) : KcatTests(broker);

public sealed class LocalKcatTests(LocalFixture broker) : KcatTests(broker);

/// <summary>kcat, where it is installed.</summary>
public abstract class KcatTests(BrokerFixture broker) : ConformanceTests(broker)
{
    [Fact]
    public async Task Kcat_lists_writes_and_reads()
    {
        if ((Programs.OnPath("kcat") ?? Programs.OnPath("kafkacat")) is not { } kcat)
        {
            Assert.Skip("skipped: kcat is not here");
            return;
        }
        var topic = await Broker.CreateTopicAsync("kcat", 2);
        Assert.Contains($"\"{topic}\" with 2 partitions", await Programs.RunAsync(kcat, "", ["-b", Broker.Brokers, "-L"]), StringComparison.Ordinal);
        await Programs.RunAsync(kcat, "k1:v1\nk2:v2\n", ["-b", Broker.Brokers, "-P", "-t", topic, "-K", ":", "-z", "snappy"]);
        var read = await Programs.RunAsync(kcat, "", ["-b", Broker.Brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%k=%s\n"]);
        Assert.Equal(["k1=v1", "k2=v2"], read.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }
}
