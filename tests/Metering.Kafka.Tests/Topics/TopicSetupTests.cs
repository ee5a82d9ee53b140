using System.Net;
using System.Net.Sockets;
using Metering.Kafka.Topics;
using Metering.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Kafka.Tests.Topics;

public sealed class TopicSetupTests(KafkaFixture kafka)
{
    private KafkaSettings Settings() => new() { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };

    private static Task<TopicSetupResult> EnsureAsync(KafkaSettings settings, int? partitions, TimeSpan? timeout = null) =>
        TopicSetup.EnsureAsync(settings, new() { Partitions = partitions, Timeout = timeout ?? TimeSpan.FromSeconds(30) }, NullLogger.Instance, TimeProvider.System);

    [Fact]
    public async Task Ensure_on_an_empty_broker_creates_every_topic_and_a_second_time_nothing()
    {
        var settings = Settings();
        var first = await EnsureAsync(settings, partitions: 3);
        Assert.Equal(TopicCatalogue.All.Select(t => t.Name), first.Created);
        Assert.Equal(3, first.Partitions);
        Assert.NotEmpty(first.ClusterId);
        Assert.Equal(TopicCatalogue.All.Count, first.TopicIds.Values.Distinct(StringComparer.Ordinal).Count());
        // Nobody says how many the second time: what exists counts.
        var second = await EnsureAsync(settings, partitions: null);
        Assert.Empty(second.Created);
        Assert.Equal(3, second.Partitions);
        Assert.Equal(first.ClusterId, second.ClusterId);
        Assert.Equal(first.TopicIds, second.TopicIds);
    }

    [Fact]
    public async Task Ensure_that_is_cancelled_in_the_middle_makes_no_call_to_a_client_that_is_gone()
    {
        for (var round = 1; round <= 5; round++)
        {
            var settings = Settings();
            using var stop = new CancellationTokenSource();
            var setup = TopicSetup.EnsureAsync(settings, new() { Partitions = 1 }, new StopAt(round, stop), TimeProvider.System, stop.Token);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => setup);
            // A call to a freed client would end this process.
            await Task.Delay(100, CancellationToken.None);
        }
    }

    [Fact]
    public async Task Ensure_by_several_processes_at_once_creates_each_topic_once()
    {
        var settings = Settings();
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => EnsureAsync(settings, partitions: 2)));
        Assert.Single(results.Select(r => r.TopicIds[TopicCatalogue.TokenEvents]).Distinct(StringComparer.Ordinal));
    }

    [Fact]
    public async Task R5_Ensure_with_another_partition_count_than_the_topics_have_is_refused_with_the_fix()
    {
        var settings = Settings();
        await EnsureAsync(settings, partitions: 2);
        var error = await Assert.ThrowsAsync<KafkaSetupException>(() => EnsureAsync(settings, partitions: 4));
        Assert.Contains("--partitions 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("--topic-prefix", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R5_Ensure_after_someone_added_partitions_is_refused_by_name()
    {
        var settings = Settings();
        await EnsureAsync(settings, partitions: 2);
        using var admin = new Confluent.Kafka.AdminClientBuilder(settings.Admin()).Build();
        await admin.CreatePartitionsAsync([new() { Topic = settings.Topic(TopicCatalogue.TokenEvents), IncreaseTo = 5 }]);
        await Tasks.StageBench.UntilAsync(() => admin.GetMetadata(settings.Topic(TopicCatalogue.TokenEvents), TimeSpan.FromSeconds(5)).Topics[0].Partitions.Count == 5, "the partitions to be added");
        var error = await Assert.ThrowsAsync<KafkaSetupException>(() => EnsureAsync(settings, partitions: null));
        Assert.Contains("token-events has 5 partitions", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("token-events", "message.timestamp.type", "CreateTime")]
    [InlineData("dead-letters", "max.message.bytes", "1048588")]
    [InlineData("prices", "cleanup.policy", "delete")]
    [InlineData("metered-blocks", "retention.ms", "604800000")]
    public async Task R15_Ensure_with_a_topic_whose_setting_differs_is_refused_with_the_command_that_mends_it(string topic, string setting, string value)
    {
        var settings = Settings();
        await kafka.CreateTopicAsync(settings.Topic(topic), topic == "prices" ? 1 : 2, [.. Others(topic), (setting, value)]);
        var error = await Assert.ThrowsAsync<KafkaSetupException>(() => EnsureAsync(settings, partitions: 2));
        Assert.Contains($"{settings.Topic(topic)} has {setting}={value} and needs", error.Message, StringComparison.Ordinal);
        Assert.Single(error.Message.Split(Environment.NewLine));

        static IEnumerable<(string, string)> Others(string topic) =>
            TopicCatalogue.Find(topic).CreationConfig().Select(c => (c.Key, c.Value));
    }

    [Fact]
    public async Task Ensure_with_a_broker_that_is_away_gives_up_after_the_timeout_and_says_where()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var nobody = listener.LocalEndpoint.ToString()!;
        listener.Stop();
        var error = await Assert.ThrowsAsync<KafkaUnavailableException>(() => EnsureAsync(new() { Brokers = nobody }, null, TimeSpan.FromSeconds(2)));
        Assert.Contains(nobody, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ensure_with_a_broker_that_is_away_waits_until_cancelled()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var options = new TopicSetupOptions();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            TopicSetup.EnsureAsync(new() { Brokers = "127.0.0.1:1" }, options, NullLogger.Instance, TimeProvider.System, stop.Token));
    }

    /// <summary>Cancels when a number of topics are created.</summary>
    private sealed class StopAt(int topics, CancellationTokenSource stop) : ILogger
    {
        private int _left = topics;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (--_left == 0)
                _ = stop.CancelAsync();
        }
    }
}
