using Metering.Core.Policies;
using Metering.Pipeline.Meter;

namespace Metering.Pipeline.Govern;

/// <summary>What GOVERN's tasks of one process share. The host fills it and keeps the policies current.</summary>
public sealed class GovernContext
{
    private volatile PolicyMatcher _policies = PolicyMatcher.Empty;

    /// <summary>Of the writers of <c>usage-deltas</c>.</summary>
    public required SchemaBook DeltaSchemas { get; init; }

    /// <summary>Of the writers of <c>lease-requests</c>.</summary>
    public required SchemaBook LeaseSchemas { get; init; }

    /// <summary>Of Decision, as <c>control</c> bears it.</summary>
    public required int DecisionSchemaId { get; init; }

    /// <summary>Of Signal, as <c>signals</c> bears it.</summary>
    public required int SignalSchemaId { get; init; }

    /// <summary>Makes a block's random id (R18); a simulation gives its own.</summary>
    public Func<Guid> NewBlockId { get; init; } = Guid.NewGuid;

    /// <summary>Over all tasks of the process.</summary>
    public GovernCounters Counters { get; } = new();

    /// <summary>The policies now, read to their end before the first record (R22). A change is a new matcher.</summary>
    public PolicyMatcher Policies
    {
        get => _policies;
        set => _policies = value;
    }
}
