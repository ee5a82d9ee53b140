using Metering.Kafka.Tests.Tasks;
using Metering.Kafka.Topics;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Kafka.Tests;

public sealed class SaslTests(SaslKafkaFixture kafka) : IClassFixture<SaslKafkaFixture>
{
    [Fact]
    public async Task Stage_and_topic_setup_by_sasl_from_extra_put_each_record_out_once()
    {
        await kafka.AllowAsync();
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var settings = bench.Settings with { Brokers = kafka.SaslBrokers, Extra = SaslKafkaFixture.Extra };
        var topics = await TopicSetup.EnsureAsync(settings, new() { Partitions = 2, Timeout = TimeSpan.FromSeconds(20) }, NullLogger.Instance, TimeProvider.System);
        Assert.Equal(TopicCatalogue.All.Count, topics.Created.Count);
        await bench.ProduceAsync(500);
        await using var stage = bench.Start(settings: settings);
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task Topic_setup_with_a_wrong_password_gives_up_after_the_timeout_and_names_authentication()
    {
        var extra = new Dictionary<string, string>(SaslKafkaFixture.Extra, StringComparer.Ordinal) { ["sasl.password"] = "wrong-password" };
        var settings = new KafkaSettings { Brokers = kafka.SaslBrokers, Extra = extra };
        var error = await Assert.ThrowsAsync<KafkaUnavailableException>(() =>
            TopicSetup.EnsureAsync(settings, new() { Timeout = TimeSpan.FromSeconds(10) }, NullLogger.Instance, TimeProvider.System));
        Assert.Contains("uthentication", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-password", error.Message, StringComparison.Ordinal);
    }
}
