using System.Globalization;

namespace Metering.Kafka.Topics;

/// <summary>One topic of ours: how it is created, and what it is held to when it already exists.</summary>
/// <param name="Name">Without the prefix.</param>
/// <param name="Count">How many partitions it has.</param>
/// <param name="Cleanup"><c>cleanup.policy</c>.</param>
public sealed record TopicDefinition(string Name, PartitionCount Count, string Cleanup)
{
    /// <summary>A record of 1 MB with what a batch adds to it: Kafka's own default, so that topics made by others fit.</summary>
    public const int DefaultMaxMessageBytes = KafkaSettings.MaxRecordBytes + 12;

    /// <summary>How long records are kept; null = for good (compacted, or deleted by us).</summary>
    public TimeSpan? Retention { get; init; }

    /// <summary><c>max.message.bytes</c>, the least that is taken from an existing topic (R15).</summary>
    public int MaxMessageBytes { get; init; } = DefaultMaxMessageBytes;

    /// <summary>Further settings at creation: tuning, not held against an existing topic.</summary>
    public IReadOnlyDictionary<string, string> Tuning { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>True when time must never delete records (R13): an existing topic with a time limit is refused.</summary>
    public bool NeverByTime { get; init; }

    internal Dictionary<string, string> CreationConfig()
    {
        var config = new Dictionary<string, string>(Tuning, StringComparer.Ordinal)
        {
            ["cleanup.policy"] = Cleanup,
            ["max.message.bytes"] = MaxMessageBytes.ToString(CultureInfo.InvariantCulture),
            // Rates, windows and retention go by arrival: a source's clock can be wrong (R31).
            ["message.timestamp.type"] = "LogAppendTime",
            ["retention.ms"] = ((long?)Retention?.TotalMilliseconds ?? -1).ToString(CultureInfo.InvariantCulture),
        };
        return config;
    }
}

/// <summary>How many partitions a topic gets.</summary>
public enum PartitionCount
{
    /// <summary>As many as the pipeline's input: task p reads, writes and keeps its state in partition p. Must be equal (R5, R12).</summary>
    AsInput,

    /// <summary>As many when we create it; any other number does no harm.</summary>
    Free,

    /// <summary>One: a small table that every reader reads whole.</summary>
    One,
}
