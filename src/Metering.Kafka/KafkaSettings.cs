using System.Text;
using Confluent.Kafka;

namespace Metering.Kafka;

/// <summary>How this process reaches Kafka. Immutable; each builder returns a configuration of its own.</summary>
public sealed record KafkaSettings
{
    /// <summary>The group's, and a transaction's, patience (R14): a dead process holds its partitions at most this long.
    /// 6 s is the smallest that a broker takes by default (<c>group.min.session.timeout.ms</c>).</summary>
    public static readonly TimeSpan DefaultSessionTimeout = TimeSpan.FromSeconds(6);

    /// <summary>R14: an abandoned transaction holds back its readers at most this long.</summary>
    public static readonly TimeSpan TransactionTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A record of ours has at most this many bytes; only dead letters may have twice as many.</summary>
    public const int MaxRecordBytes = 1_048_576;

    // Exactness rests on these: a property given by hand may not change them.
    private static readonly HashSet<string> Ours = new(StringComparer.Ordinal)
    {
        "bootstrap.servers", "group.id", "transactional.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset",
        "isolation.level", "enable.idempotence", "acks", "request.required.acks", "partitioner", "enable.partition.eof",
        "partition.assignment.strategy", "group.protocol", "group.instance.id", "transaction.timeout.ms",
    };

    /// <summary><c>host:port[,host:port]</c>.</summary>
    public required string Brokers { get; init; }

    /// <summary>Stands before every topic, group and transactional id. Default: none.</summary>
    public string TopicPrefix { get; init; } = "";

    /// <summary>Any librdkafka property (SASL, TLS, …). Its values never print.</summary>
    public IReadOnlyDictionary<string, string> Extra { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary><c>client.id</c>: what the broker's logs and quotas call this process.</summary>
    public string ClientName { get; init; } = "metering";

    /// <summary>How long the group waits for a silent member. From 6 s (the broker's own least) to <see cref="TransactionTimeout"/> (R14).</summary>
    public TimeSpan SessionTimeout { get; init; } = DefaultSessionTimeout;

    /// <summary>
    /// <c>group.instance.id</c>: the name under which this process is a static member of its groups, used by no other. Null, the
    /// default: a dynamic one. A static member that comes back within the session has its partitions again at once, without a
    /// rebalance; one that stops for good is missed only when its session is over, for it does not leave.
    /// </summary>
    public string? GroupInstance { get; init; }

    /// <summary>The topic's name at the broker.</summary>
    public string Topic(string name) => TopicPrefix + name;

    /// <summary>What is wrong with these settings, one sentence each; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(Brokers))
            errors.Add("--brokers is empty: give host:port of the Kafka brokers.");
        if (!TopicPrefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') || TopicPrefix.Length > 150)
            errors.Add($"--topic-prefix '{TopicPrefix}' is not a topic's name: at most 150 letters, digits, '.', '_' and '-'.");
        if (SessionTimeout > TransactionTimeout || SessionTimeout < TimeSpan.FromSeconds(1))
            errors.Add($"session timeout {SessionTimeout.TotalSeconds} s is out of range: 1 to {TransactionTimeout.TotalSeconds} s (R14).");
        if (GroupInstance is { } instance && (instance.Length is 0 or > 200 || !instance.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')))
            errors.Add($"--group-instance '{instance}' is not a member's name: 1 to 200 letters, digits, '.', '_' and '-'.");
        foreach (var name in Extra.Keys.Where(Ours.Contains))
            errors.Add($"--kafka-config {name} cannot be set by hand: exactly-once rests on the value that metering gives it.");
        return errors;
    }

    /// <summary>A member of a consumer group whose offsets travel in transactions or are committed by hand.</summary>
    /// <param name="group">Without the prefix.</param>
    public ConsumerConfig GroupConsumer(string group)
    {
        var config = Reader();
        config.GroupId = TopicPrefix + group;
        // A rebalance takes only what moves; partitions that stay go on.
        config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky;
        // R14: not longer than the transaction timeout.
        config.SessionTimeoutMs = (int)SessionTimeout.TotalMilliseconds;
        // Members learn of a rebalance by a heartbeat, a cooperative one takes two, and a commit of the generation before is refused
        // meanwhile, which costs a task a rebuild.
        config.HeartbeatIntervalMs = Math.Min(300, (int)SessionTimeout.TotalMilliseconds / 3);
        if (GroupInstance is { } instance)
            config.GroupInstanceId = instance;
        return config;
    }

    /// <summary>A reader of partitions assigned by hand, outside any group.</summary>
    /// <param name="fetchWaitMaxMs">How long the broker may hold a fetch that has no news; <see cref="Extra"/> goes before it.</param>
    public ConsumerConfig Reader(int fetchWaitMaxMs = 100)
    {
        var config = new ConsumerConfig(Common())
        {
            // The client insists on a group's name; nothing is ever committed to it.
            GroupId = TopicPrefix + "metering-reader",
            // Offsets move with the transaction, or by hand after an acknowledgement: never by a timer.
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            // R13: a position never jumps; out of range is an error that stops the task.
            AutoOffsetReset = AutoOffsetReset.Error,
            // R30, R8: what an aborted transaction wrote was never written.
            IsolationLevel = IsolationLevel.ReadCommitted,
        };
        // The default of 1000 ms capped throughput at 130k records/s: the fetcher slept whenever its queue was full.
        config.Set("fetch.queue.backoff.ms", "1");
        // Bounded prefetch: the default of 64 MB is for each partition. What is prefetched when a partition is paused is fetched again.
        config.QueuedMaxMessagesKbytes = 2048;
        // A full partition is left out of the next fetch, which then waits for the idle ones: so long it stands still.
        config.FetchWaitMaxMs = fetchWaitMaxMs;
        ApplyExtra(config);
        return config;
    }

    /// <summary>A producer that is idempotent and acknowledged by all replicas.</summary>
    public ProducerConfig Producer()
    {
        var config = new ProducerConfig(Common())
        {
            Acks = Acks.All,
            EnableIdempotence = true,
            // Java's and Go's partitioner; librdkafka's own default is CRC32, and a source must live in one partition (R5).
            Partitioner = Partitioner.Murmur2Random,
            // Events compress three- to fivefold, and lz4 costs the least CPU of the codecs.
            CompressionType = CompressionType.Lz4,
            // Dead letters hold an original of up to 1 MB with its envelope (R15).
            MessageMaxBytes = 2 * MaxRecordBytes,
        };
        ApplyExtra(config);
        return config;
    }

    /// <summary>The producer of one task (R8).</summary>
    /// <param name="transactionalId">Without the prefix.</param>
    public ProducerConfig TransactionalProducer(string transactionalId)
    {
        var config = Producer();
        config.TransactionalId = TopicPrefix + transactionalId;
        // R14: the default of 60 s would hold back every reader of a dead task's output for a minute.
        config.TransactionTimeoutMs = (int)TransactionTimeout.TotalMilliseconds;
        // The next transaction is refused until the last one's markers are written; the default of 100 ms made
        // back-to-back commits p50 30 / p99 128 ms, 10 makes them 13 / 37.
        config.RetryBackoffMs = 10;
        // A commit flushes; within the interval nothing is gained by sending single records.
        config.LingerMs = 5;
        return config;
    }

    public AdminClientConfig Admin()
    {
        var config = new AdminClientConfig(Common());
        ApplyExtra(config);
        return config;
    }

    /// <summary>What a fatal error of a static member's consumer means: the group has fenced it. Null for any other error.</summary>
    /// <param name="group">With the prefix.</param>
    /// <param name="error">Of its consumer.</param>
    public FencedMemberException? FencedMember(string group, Error error) => GroupInstance is null || !error.IsFatal ? null : new(
        $"Another process is the member '{GroupInstance}' of group {group} now, and this one stops ({error.Reason}): give each process a --group-instance of its own, and each up a data folder of its own, not a copy.");

    private Dictionary<string, string> Common()
    {
        var errors = Validate();
        if (errors.Count > 0)
            throw new InvalidOperationException(string.Join(Environment.NewLine, errors));
        return new(StringComparer.Ordinal)
        {
            ["bootstrap.servers"] = Brokers,
            ["client.id"] = ClientName,
            // A broker that restarts is back within seconds; the default of 10 s delays the return.
            ["reconnect.backoff.max.ms"] = "1000",
            // The default, rebootstrap, forgets all brokers when every connection is down, which with one broker is whenever one breaks:
            // librdkafka 2.16 then leaves a transactional producer without its coordinator, and SendOffsetsToTransaction outlives its own timeout by minutes.
            ["metadata.recovery.strategy"] = "none",
        };
    }

    private void ApplyExtra(ClientConfig config)
    {
        foreach (var (name, value) in Extra)
            config.Set(name, value);
    }

    // Replaces the generated one: values of Extra may be secrets.
    private bool PrintMembers(StringBuilder text)
    {
        text.Append("Brokers = ").Append(Brokers).Append(", TopicPrefix = ").Append(TopicPrefix).Append(", ClientName = ").Append(ClientName);
        if (Extra.Count > 0)
            text.Append(", Extra = ").AppendJoin(' ', Extra.Keys.Order(StringComparer.Ordinal).Select(name => name + "=***"));
        return true;
    }
}
