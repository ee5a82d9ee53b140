namespace Metering.LocalBroker.Groups;

/// <summary>What a group may be. Kafka's defaults, where it has them.</summary>
internal static class GroupLimits
{
    public const int MinSessionTimeoutMs = 6_000;

    public const int MaxSessionTimeoutMs = 1_800_000;

    /// <summary>Below, a group whose members do not come would do nothing but rebalance.</summary>
    public const int MinRebalanceTimeoutMs = 1_000;

    /// <summary>How long an empty group waits for more members after its first, again for each that comes. Kafka waits 3 s, for members
    /// on many machines; those of one machine start within some milliseconds of each other, and `up` shall not wait.</summary>
    public const int InitialRebalanceDelayMs = 100;

    /// <summary>How long a member may wait for its first generation; its client may be gone, for it sends no heartbeats yet.</summary>
    public const int NewMemberTimeoutMs = 300_000;

    /// <summary>How long an empty group without offsets is shown; Kafka forgets it within as long.</summary>
    public const int EmptyGroupMs = 600_000;

    /// <summary>Members of one group, those invited too.</summary>
    public const int MaxMembers = 1_000;

    /// <summary>Groups with members, or with members lately.</summary>
    public const int MaxGroups = 2_000;

    /// <summary>Assignors that a member names; clients name one or two.</summary>
    public const int MaxProtocols = 64;

    /// <summary>What a member says about itself: its topics and partitions. Kafka's limit is a record of its offsets topic, about as much.</summary>
    public const int MaxMemberBytes = 1 << 20;
}
