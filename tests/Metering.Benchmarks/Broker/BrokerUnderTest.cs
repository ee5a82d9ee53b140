using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.LocalBroker;
using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

namespace Metering.Benchmarks.Broker;

/// <summary>One broker in a process of its own, and what was measured on it, round by round.</summary>
internal sealed class BrokerUnderTest : IAsyncDisposable
{
    private readonly Dictionary<string, List<double>> _values = new(StringComparer.Ordinal);
    private readonly Func<Task> _stop;
    private readonly KafkaFixture? _own;

    private BrokerUnderTest(string name, string brokers, string? folder, Func<Task> stop, KafkaFixture? own = null) =>
        (Name, Brokers, Folder, _stop, _own) = (name, brokers, folder, stop, own);

    public string Name { get; }

    public string Brokers { get; }

    /// <summary>Where a local broker keeps its data.</summary>
    public string? Folder { get; }

    public static bool IsKafkaThere =>
        Environment.GetEnvironmentVariable("METERING_TEST_KAFKA") is { Length: > 0 } || SharedFolder.TryPath("kafka/kafka") is not null;

    public static async Task<BrokerUnderTest> StartKafkaAsync()
    {
        var fixture = new KafkaFixture();
        await fixture.InitializeAsync();
        return new BrokerUnderTest("Kafka", fixture.Brokers, null, async () => await fixture.DisposeAsync(), fixture.IsOwn ? fixture : null);
    }

    /// <summary>An idle Kafka is not still: its controller syncs a record of no content to the disk twice a second, which a sync of
    /// ours then waits for. Frozen while another broker is measured; one that is not our own goes on.</summary>
    public Task FreezeAsync() => _own?.ControlAsync("pause") ?? Task.CompletedTask;

    /// <summary>Lets it go on after <see cref="FreezeAsync"/>, and waits until it answers.</summary>
    public async Task ThawAsync()
    {
        if (_own is null)
            return;
        await _own.ControlAsync("resume");
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).Build();
        admin.GetMetadata(TimeSpan.FromSeconds(30));
    }

    public static async Task<BrokerUnderTest> StartLocalAsync(Durability durability)
    {
        var folder = Directory.CreateTempSubdirectory("metering-bench-broker-");
        var child = await BrokerChild.StartAsync(folder.FullName, 0, durability);
        return new BrokerUnderTest(
            durability == Durability.Disk ? "ours, disk" : "ours, process", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{child.Port}"), folder.FullName,
            async () =>
            {
                await child.DisposeAsync();
                folder.Delete(recursive: true);
            });
    }

    public void Add(string what, double value)
    {
        if (!_values.TryGetValue(what, out var values))
            _values[what] = values = [];
        values.Add(value);
    }

    public IReadOnlyList<double> Values(string what) => _values[what];

    public double Median(string what) => Rounds.Median(_values[what]);

    /// <summary>Drops what a warm-up measured.</summary>
    public void Forget() => _values.Clear();

    /// <summary>Runs with a new topic of one partition, and removes it.</summary>
    public async Task WithTopicAsync(Action<string> run)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).Build();
        var topic = KafkaFixture.UniquePrefix() + "bench";
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 1, ReplicationFactor = 1 }]);
        try
        {
            // On a thread of its own: clients block.
            await Task.Factory.StartNew(() => run(topic), TaskCreationOptions.LongRunning);
        }
        finally
        {
            await admin.DeleteTopicsAsync([topic]);
        }
    }

    public IProducer<byte[]?, byte[]> Producer(Action<ProducerConfig>? configure = null)
    {
        var config = new ProducerConfig
        {
            BootstrapServers = Brokers,
            EnableIdempotence = true,
            Acks = Acks.All,
            LingerMs = 5,
            BatchSize = 1_000_000,
            QueueBufferingMaxKbytes = 64 * 1024,
            // As METER sets it: a transaction right behind another is asked for again soon.
            RetryBackoffMs = 10,
        };
        configure?.Invoke(config);
        return new ProducerBuilder<byte[]?, byte[]>(config).SetLogHandler((_, _) => { }).Build();
    }

    public IConsumer<byte[]?, byte[]> Consumer(Action<ConsumerConfig>? configure = null)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = Brokers,
            GroupId = "bench",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            IsolationLevel = IsolationLevel.ReadCommitted,
            QueuedMaxMessagesKbytes = 16 * 1024,
        };
        config.Set("fetch.queue.backoff.ms", "1");
        configure?.Invoke(config);
        return new ConsumerBuilder<byte[]?, byte[]>(config).SetLogHandler((_, _) => { }).Build();
    }

    public async ValueTask DisposeAsync() => await _stop();
}
