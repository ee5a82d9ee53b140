namespace Metering.Kafka.Topics;

/// <summary>Every topic of ours, one entry each, as promised to users.</summary>
public static class TopicCatalogue
{
    public const string TokenEvents = "token-events";
    public const string SourceReports = "source-reports";
    public const string MeteredBlocks = "metered-blocks";
    public const string UsageDeltas = "usage-deltas";
    public const string Signals = "signals";
    public const string Prices = "prices";
    public const string Policies = "policies";
    public const string Keys = "keys";
    public const string Control = "control";
    public const string LeaseRequests = "lease-requests";
    public const string DeadLetters = "dead-letters";
    public const string MeterChangelog = "metering-meter-changelog";
    public const string GovernChangelog = "metering-govern-changelog";

    private const string Delete = "delete";
    private const string Compact = "compact";
    private const string CompactDelete = "compact,delete";

    // State is read back on every start: small segments and an eager cleaner keep that short.
    private static readonly Dictionary<string, string> Changelog = new(StringComparer.Ordinal)
    {
        ["segment.bytes"] = "67108864",
        ["min.cleanable.dirty.ratio"] = "0.2",
    };

    public static IReadOnlyList<TopicDefinition> All { get; } =
    [
        new(TokenEvents, PartitionCount.AsInput, Delete) { Retention = TimeSpan.FromDays(7) },
        // Kept as long as an idle epoch is (R2).
        new(SourceReports, PartitionCount.Free, CompactDelete) { Retention = TimeSpan.FromDays(30) },
        // SINK deletes these two days behind its commit; neither time nor size may (R13).
        new(MeteredBlocks, PartitionCount.AsInput, Delete) { NeverByTime = true },
        // Every keyed input of GOVERN has this count (R12).
        new(UsageDeltas, PartitionCount.AsInput, Delete) { Retention = TimeSpan.FromDays(7) },
        new(Signals, PartitionCount.Free, Delete) { Retention = TimeSpan.FromDays(7) },
        new(Prices, PartitionCount.One, Compact),
        new(Policies, PartitionCount.One, Compact),
        new(Keys, PartitionCount.One, Compact),
        // A task of GOVERN writes the decisions on its scopes into its own partition, with a heartbeat that vouches for them (R30).
        new(Control, PartitionCount.AsInput, Compact) { Tuning = Changelog },
        // What is older has been said again (R13).
        new(LeaseRequests, PartitionCount.AsInput, Delete) { Retention = TimeSpan.FromHours(1) },
        // An original of up to 1 MB whole, with its envelope (R15).
        new(DeadLetters, PartitionCount.Free, Delete) { Retention = TimeSpan.FromDays(14), MaxMessageBytes = 2 * TopicDefinition.DefaultMaxMessageBytes },
        new(MeterChangelog, PartitionCount.AsInput, Compact) { Tuning = Changelog },
        new(GovernChangelog, PartitionCount.AsInput, Compact) { Tuning = Changelog },
    ];

    /// <summary>The definition of a topic's name (without prefix).</summary>
    /// <exception cref="KeyNotFoundException">No such topic of ours.</exception>
    public static TopicDefinition Find(string name) =>
        All.FirstOrDefault(topic => topic.Name == name) ?? throw new KeyNotFoundException($"'{name}' is no topic of ours.");
}
