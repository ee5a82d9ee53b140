using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Topics;

/// <summary>All topics. Members are called under the broker's gate.</summary>
internal sealed class TopicTable : IJournaled
{
    public IReadOnlyCollection<Topic> All => throw new NotSupportedException();

    public Topic? Find(string name) => throw new NotSupportedException();

    public Topic? Find(Guid id) => throw new NotSupportedException();

    public PartitionLog? Find(string topic, int partition) =>
        Find(topic) is { } found && (uint)partition < (uint)found.Partitions.Count ? found.Partitions[partition] : null;

    /// <param name="partitions">−1 = the broker's default.</param>
    /// <param name="replicationFactor">1 or −1; anything else is refused with the sentence that this broker never replicates.</param>
    public Outcome Create(string name, int partitions, int replicationFactor, IReadOnlyList<KeyValuePair<string, string?>> config, bool validateOnly) =>
        throw new NotSupportedException();

    public Outcome AddPartitions(string name, int total, bool validateOnly) => throw new NotSupportedException();

    public Outcome Delete(Topic topic) => throw new NotSupportedException();

    public Outcome Configure(Topic topic, IReadOnlyList<ConfigChange> changes, bool validateOnly) => throw new NotSupportedException();

    public bool Owns(EntryKind kind) => kind <= EntryKind.Compacted;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

    public byte[] Save() => throw new NotSupportedException();

    public void Load(ReadOnlySpan<byte> saved) => throw new NotSupportedException();
}

internal sealed class Topic
{
    public required string Name { get; init; }

    public required Guid Id { get; init; }

    public IReadOnlyList<PartitionLog> Partitions { get; init; } = [];

    public TopicConfig Config { get; set; } = TopicConfig.Default;
}

internal enum ConfigOperation : sbyte
{
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}

internal readonly record struct ConfigChange(string Name, ConfigOperation Operation, string? Value);

/// <summary>A topic's settings by Kafka's names: those set, and the defaults of the others.</summary>
internal sealed class TopicConfig
{
    public static TopicConfig Default => throw new NotSupportedException();

    /// <summary>Every setting that this broker knows: value, whether it is the default, and what it means.</summary>
    public IReadOnlyList<ConfigEntry> Entries => throw new NotSupportedException();
}

/// <param name="Type">As DescribeConfigs numbers them: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list.</param>
internal readonly record struct ConfigEntry(string Name, string? Value, bool IsDefault, byte Type, string Documentation);
