using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Topics;

/// <summary>What <see cref="TopicSetup.EnsureAsync"/> is asked for.</summary>
public sealed record TopicSetupOptions
{
    /// <summary>What a pipeline of ours has when nobody says otherwise.</summary>
    public const int DefaultPartitions = 8;

    /// <summary>Partitions of keyed topics; null = what the existing ones have, else <see cref="DefaultPartitions"/>.</summary>
    public int? Partitions { get; init; }

    /// <summary>Replicas of topics that are created; null = the broker's default.</summary>
    public short? Replication { get; init; }

    /// <summary>How long to wait for a broker that is away: infinite for roles; operator commands give up.</summary>
    public TimeSpan Timeout { get; init; } = System.Threading.Timeout.InfiniteTimeSpan;

    /// <summary>Which topics; default all of <see cref="TopicCatalogue"/>.</summary>
    public IReadOnlyList<TopicDefinition> Topics { get; init; } = TopicCatalogue.All;
}

/// <summary>The cluster and topics as found: what a ledger needs to recognise them again (R18).</summary>
/// <param name="Partitions">Of the keyed topics.</param>
/// <param name="TopicIds">By name without prefix; a topic that was deleted and made again has another id.</param>
/// <param name="Created">Names that this call created.</param>
public sealed record TopicSetupResult(string ClusterId, int Partitions, IReadOnlyDictionary<string, string> TopicIds, IReadOnlyList<string> Created);

/// <summary>Creates the topics that are missing and checks the rest.</summary>
public static partial class TopicSetup
{
    /// <exception cref="KafkaUnavailableException">No broker answered within the timeout.</exception>
    /// <exception cref="KafkaSetupException">An existing topic contradicts the catalogue; all differences in one message.</exception>
    public static async Task<TopicSetupResult> EnsureAsync(KafkaSettings settings, TopicSetupOptions options, ILogger logger, TimeProvider time, CancellationToken cancellationToken = default)
    {
        if (options.Partitions is < 1 or > 10_000)
            throw new KafkaSetupException($"--partitions {options.Partitions} is out of range: 1 to 10000.");
        using var cluster = new ClusterAdmin(settings);
        return await BrokerWait.ForAsync(settings, cluster.LastError, options.Timeout, logger, time,
            () => cluster.Keep(EnsureOnceAsync(cluster.Client, settings, options, logger, cancellationToken)), cancellationToken);
    }

    private static async Task<TopicSetupResult> EnsureOnceAsync(IAdminClient admin, KafkaSettings settings, TopicSetupOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var existing = await DescribeAsync(admin, settings, options.Topics);
        var partitions = PartitionsOf(existing, options);
        var differences = existing.Count == 0 ? [] : await DifferencesAsync(admin, settings, options, existing, partitions);
        if (differences.Count > 0)
            throw new KafkaSetupException(string.Join(Environment.NewLine, differences));
        var created = new List<string>();
        foreach (var topic in options.Topics.Where(topic => !existing.ContainsKey(topic.Name)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await CreateAsync(admin, settings, options, topic, topic.Count == PartitionCount.One ? 1 : partitions);
            created.Add(topic.Name);
            LogCreated(logger, settings.Topic(topic.Name), topic.Count == PartitionCount.One ? 1 : partitions);
        }
        while (created.Count > 0)
        {
            // A topic is served a moment after it was created; another process may have been faster, so its count is checked too.
            existing = await DescribeAsync(admin, settings, options.Topics);
            if (options.Topics.All(topic => existing.TryGetValue(topic.Name, out var found) && found.Partitions.TrueForAll(p => p.Leader is not null)))
                break;
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        }
        PartitionsOf(existing, options with { Partitions = partitions });
        var clusterId = (await admin.DescribeClusterAsync(new() { RequestTimeout = BrokerWait.RequestTimeout })).ClusterId;
        return new(clusterId, partitions, existing.ToDictionary(t => t.Key, t => t.Value.TopicId.ToString(), StringComparer.Ordinal), created);
    }

    // R5, R12: keyed topics have one count, and it never changes: a source's history stays in its partition.
    private static int PartitionsOf(Dictionary<string, TopicDescription> existing, TopicSetupOptions options)
    {
        var keyed = options.Topics.Where(topic => topic.Count == PartitionCount.AsInput && existing.ContainsKey(topic.Name)).ToList();
        if (keyed.Count == 0)
            return options.Partitions ?? TopicSetupOptions.DefaultPartitions;
        var counts = keyed.ConvertAll(topic => (topic.Name, existing[topic.Name].Partitions.Count));
        var usual = counts.Min(c => c.Count);
        if (counts.Find(c => c.Count != usual) is { Name: not null } odd)
        {
            throw new KafkaSetupException(
                $"Topic {odd.Name} has {odd.Count} partitions, {counts.First(c => c.Count == usual).Name} has {usual}. Keyed topics must have one count, fixed at creation (R5): " +
                $"a source's history stays in its partition. Kafka cannot take partitions away: create the topics anew under another --topic-prefix with --partitions {odd.Count} and point the sources there.");
        }
        if (options.Partitions is { } wanted && wanted != usual)
        {
            throw new KafkaSetupException(
                $"--partitions {wanted} differs from the {usual} that the topics have. The count is fixed at creation (R5): a source's history stays in its partition. " +
                $"Use --partitions {usual}, or begin anew under another --topic-prefix.");
        }
        return usual;
    }

    private static async Task<List<string>> DifferencesAsync(IAdminClient admin, KafkaSettings settings, TopicSetupOptions options, Dictionary<string, TopicDescription> existing, int partitions)
    {
        var resources = existing.Keys.Select(name => new ConfigResource { Type = ResourceType.Topic, Name = settings.Topic(name) });
        var described = await admin.DescribeConfigsAsync(resources, new() { RequestTimeout = BrokerWait.RequestTimeout });
        var differences = new List<string>();
        foreach (var topic in options.Topics.Where(topic => existing.ContainsKey(topic.Name)))
        {
            var name = settings.Topic(topic.Name);
            var config = described.First(d => d.ConfigResource.Name == name).Entries;
            if (topic.Count == PartitionCount.One && existing[topic.Name].Partitions.Count != 1)
                differences.Add($"Topic {name} has {existing[topic.Name].Partitions.Count} partitions and must have 1: delete it and start again, it will be created.");
            Expect(differences, name, "message.timestamp.type", config["message.timestamp.type"].Value, "LogAppendTime");
            if (!Normal(config["cleanup.policy"].Value).SequenceEqual(Normal(topic.Cleanup)))
                Expect(differences, name, "cleanup.policy", config["cleanup.policy"].Value, topic.Cleanup);
            var maxBytes = int.Parse(config["max.message.bytes"].Value, CultureInfo.InvariantCulture);
            if (maxBytes < topic.MaxMessageBytes)
                Expect(differences, name, "max.message.bytes", config["max.message.bytes"].Value, topic.MaxMessageBytes.ToString(CultureInfo.InvariantCulture));
            if (topic.NeverByTime)
                Expect(differences, name, "retention.ms", config["retention.ms"].Value, "-1");
        }
        return differences;

        static IOrderedEnumerable<string> Normal(string policy) => policy.Split(',', StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal);
    }

    private static void Expect(List<string> differences, string topic, string setting, string found, string wanted)
    {
        if (found != wanted)
            differences.Add($"Topic {topic} has {setting}={found} and needs {setting}={wanted}: kafka-configs --alter --entity-type topics --entity-name {topic} --add-config '{setting}={wanted}'");
    }

    private static async Task CreateAsync(IAdminClient admin, KafkaSettings settings, TopicSetupOptions options, TopicDefinition topic, int partitions)
    {
        var specification = new TopicSpecification
        {
            Name = settings.Topic(topic.Name),
            NumPartitions = partitions,
            ReplicationFactor = options.Replication ?? -1,
            Configs = topic.CreationConfig(),
        };
        try
        {
            await admin.CreateTopicsAsync([specification], new() { RequestTimeout = BrokerWait.RequestTimeout, OperationTimeout = BrokerWait.RequestTimeout });
        }
        catch (CreateTopicsException e) when (e.Results[0].Error.Code == ErrorCode.TopicAlreadyExists)
        {
            // Several processes start at once: one of them was faster.
        }
        catch (CreateTopicsException e) when (!BrokerWait.IsAway(e.Results[0].Error))
        {
            throw new KafkaSetupException($"Topic {specification.Name} could not be created: {e.Results[0].Error.Reason}");
        }
    }

    private static async Task<Dictionary<string, TopicDescription>> DescribeAsync(IAdminClient admin, KafkaSettings settings, IReadOnlyList<TopicDefinition> topics)
    {
        var names = topics.ToDictionary(topic => settings.Topic(topic.Name), topic => topic.Name, StringComparer.Ordinal);
        List<TopicDescription> found;
        try
        {
            found = (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames(names.Keys), new() { RequestTimeout = BrokerWait.RequestTimeout })).TopicDescriptions;
        }
        catch (DescribeTopicsException e)
        {
            found = e.Results.TopicDescriptions;
        }
        foreach (var topic in found.Where(topic => topic.Error.IsError && topic.Error.Code != ErrorCode.UnknownTopicOrPart))
        {
            if (BrokerWait.IsAway(topic.Error))
                throw new KafkaException(topic.Error);
            throw new KafkaSetupException($"Topic {topic.Name} cannot be looked at: {topic.Error.Reason}");
        }
        return found.Where(topic => !topic.Error.IsError).ToDictionary(topic => names[topic.Name], StringComparer.Ordinal);
    }

    [LoggerMessage(2101, LogLevel.Information, "created topic {Topic} with {Partitions} partitions")]
    private static partial void LogCreated(ILogger logger, string topic, int partitions);
}
