using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Topics;

/// <summary>A topic: its name never changes, its partitions only become more. Under the broker's gate.</summary>
internal sealed class Topic
{
    public required string Name { get; init; }

    public required Guid Id { get; init; }

    public IReadOnlyList<PartitionLog> Partitions { get; set; } = [];

    public TopicConfig Config { get; set; } = TopicConfig.Default;
}
