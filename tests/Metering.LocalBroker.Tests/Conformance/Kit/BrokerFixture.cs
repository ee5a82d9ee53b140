using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>
/// A broker under test, real or ours, and clients of it. It starts when the first test asks for it, so that a run of one
/// broker's tests does not start the other.
/// </summary>
public abstract class BrokerFixture : IAsyncDisposable
{
    /// <summary>How long a test waits for what must come.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Its default, rebootstrap, forgets all brokers when the only one's connection breaks: librdkafka 2.16 then leaves a
    // transactional producer without its coordinator, and SendOffsetsToTransaction outlives its own timeout by minutes.
    private const string RecoveryStrategy = "metadata.recovery.strategy";

    private readonly Lock _gate = new();
    private Task? _started;

    /// <summary>Bootstrap servers; skips the test when this broker is not to be had.</summary>
    public abstract string Brokers { get; }

    public int Port => int.Parse(Brokers.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);

    public Task StartAsync()
    {
        lock (_gate)
            return _started ??= LaunchAsync();
    }

    protected abstract Task LaunchAsync();

    public abstract ValueTask DisposeAsync();

    /// <summary>A name that nothing else uses.</summary>
    public static string Unique(string name) => KafkaFixture.UniquePrefix() + name;

    public IProducer<byte[]?, byte[]?> Producer(Action<ProducerConfig>? configure = null)
    {
        var config = new ProducerConfig { BootstrapServers = Brokers, EnableIdempotence = true, LingerMs = 0, RetryBackoffMs = 10, ReconnectBackoffMaxMs = 500 };
        config.Set(RecoveryStrategy, "none");
        configure?.Invoke(config);
        return new ProducerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>A producer whose transactions are begun with <see cref="IProducer{TKey,TValue}.BeginTransaction"/>: InitTransactions is done.</summary>
    public IProducer<byte[]?, byte[]?> Transactional(string transactionalId, Action<ProducerConfig>? configure = null)
    {
        var producer = Producer(config =>
        {
            config.TransactionalId = transactionalId;
            config.TransactionTimeoutMs = 30_000;
            configure?.Invoke(config);
        });
        producer.InitTransactions(Patience);
        return producer;
    }

    public IConsumer<byte[]?, byte[]?> Consumer(Action<ConsumerConfig>? configure = null, Action<ConsumerBuilder<byte[]?, byte[]?>>? build = null)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = Brokers,
            GroupId = "reader",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            AutoOffsetReset = AutoOffsetReset.Error,
            IsolationLevel = IsolationLevel.ReadCommitted,
            FetchWaitMaxMs = 100,
            SessionTimeoutMs = 6_000,
            HeartbeatIntervalMs = 500,
            ReconnectBackoffMaxMs = 500,
        };
        config.Set(RecoveryStrategy, "none");
        configure?.Invoke(config);
        var builder = new ConsumerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { });
        build?.Invoke(builder);
        return builder.Build();
    }

    public IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers })
        .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    /// <summary>Creates a topic of a unique name with Kafka's defaults and waits until all its partitions are served.</summary>
    public async Task<string> CreateTopicAsync(string name = "topic", int partitions = 1, params (string Name, string Value)[] config)
    {
        var topic = Unique(name);
        using var admin = Admin();
        var configs = config.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = 1, Configs = configs }]);
        await Until.TrueAsync(
            () => admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics[0] is { } found && found.Error.Code == ErrorCode.NoError
                && found.Partitions.Count == partitions && found.Partitions.TrueForAll(p => p.Error.Code == ErrorCode.NoError && p.Leader >= 0),
            $"{topic} to be known");
        // The real one tells a leader a moment before that leader serves: who asks without retries would see it (NOT_LEADER_OR_FOLLOWER).
        using var connection = await RawConnection.OpenAsync(this);
        await Until.TrueAsync(async () => await RawBatch.IsServedAsync(connection, topic, partitions), $"{topic} to be served");
        return topic;
    }

    /// <summary>All that a reader sees of a topic, to its end (to the stable offset if it reads what is committed), in order by partition.</summary>
    public async Task<IReadOnlyList<ConsumeResult<byte[]?, byte[]?>>> ReadAsync(
        string topic, int partitions = 1, IsolationLevel isolation = IsolationLevel.ReadCommitted, Action<ConsumerConfig>? configure = null) =>
        await Task.Run(() =>
        {
            using var consumer = Consumer(config =>
            {
                config.IsolationLevel = isolation;
                config.EnablePartitionEof = true;
                configure?.Invoke(config);
            });
            consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
            var records = new List<ConsumeResult<byte[]?, byte[]?>>();
            var atEnd = new HashSet<int>();
            var deadline = Until.In(Patience);
            while (atEnd.Count < partitions)
            {
                if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is { } result)
                {
                    if (!result.IsPartitionEOF)
                        records.Add(result);
                    else
                        atEnd.Add(result.Partition);
                }
                else if (deadline.IsOver)
                {
                    throw new TimeoutException($"{topic}: {records.Count} records and {atEnd.Count} of {partitions} ends were read within {Patience.TotalSeconds} s");
                }
            }
            consumer.Close();
            return records;
        });
}
