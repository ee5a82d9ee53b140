using Metering.Core.Policies;
using Metering.Core.Pricing;
using Metering.Pipeline.Meter.Losses;

namespace Metering.Pipeline.Meter;

/// <summary>What METER's tasks of one process share. The host fills it and keeps prices and policies current.</summary>
public sealed class MeterContext
{
    private volatile PriceBook _prices = PriceBook.Empty;
    private volatile PolicyMatcher _policies = PolicyMatcher.Empty;

    /// <summary>Partitions of <c>token-events</c>: fixed at the topic's creation (R5).</summary>
    public required int Partitions
    {
        get;
        init
        {
            field = value;
            Counters = new MeterCounters(value);
            Reports = new ReportBook(value);
        }
    }

    public required SchemaBook Schemas { get; init; }

    /// <summary>The id under which the registry knows the dead letters' schema.</summary>
    public required int DeadLetterSchemaId { get; init; }

    /// <summary>Of UsageDelta, as <c>usage-deltas</c> bears it.</summary>
    public required int UsageDeltaSchemaId { get; init; }

    /// <summary>Of Signal, as <c>signals</c> bears it.</summary>
    public required int SignalSchemaId { get; init; }

    /// <summary>How long what is missing may still come before it counts as lost, and how long a source's report may be behind: 1 s to
    /// 1 h, by the time of the partition's log. Default 60 s.</summary>
    public TimeSpan LossGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What the sources report of themselves.</summary>
    public ReportBook Reports { get; private init; } = null!;

    /// <summary>Topic prefix of the fleet, for the dead letters' origin.</summary>
    public string TopicPrefix { get; init; } = "";

    /// <summary>Makes a block's random id (R18); a simulation gives its own.</summary>
    public Func<Guid> NewBlockId { get; init; } = Guid.NewGuid;

    /// <summary>Over all tasks of the process.</summary>
    public MeterCounters Counters { get; private init; } = null!;

    /// <summary>The prices now. A change is a new book; a row says which version it used.</summary>
    public PriceBook Prices
    {
        get => _prices;
        set => _prices = value;
    }

    /// <summary>The policies now, for the scopes that are summed only because they name them. A change is a new matcher; an
    /// account that a policy is the first to name begins with it.</summary>
    public PolicyMatcher Policies
    {
        get => _policies;
        set => _policies = value;
    }
}
