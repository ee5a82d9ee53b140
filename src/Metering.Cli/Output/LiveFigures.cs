namespace Metering.Cli.Output;

/// <summary>What the live table shows and <c>--json</c> prints once a second. Rates are means over the last seconds,
/// totals count since the process started unless they are the ledger's.</summary>
public sealed record LiveFigures
{
    public decimal UptimeSeconds { get; init; }

    /// <summary>Events metered a second; of a gateway requests ended a second.</summary>
    public decimal EventsPerSecond { get; init; }

    public decimal InputTokensPerSecond { get; init; }

    public decimal OutputTokensPerSecond { get; init; }

    /// <summary>USD an hour at the present rate.</summary>
    public decimal CostPerHourUsd { get; init; }

    /// <summary>Records of token-events that METER has not committed, against the high watermark.</summary>
    public long LagRecords { get; init; }

    /// <summary>How far the ledger is behind: the age of the last event metered while METER has lag, by the event's own time, or of the
    /// oldest block that SINK has not inserted, whichever is more.</summary>
    public decimal LagSeconds { get; init; }

    /// <summary>Of a gateway: requests with a known key that have ended.</summary>
    public long? Requests { get; init; }

    /// <summary>Of a gateway: requests under way.</summary>
    public long? Active { get; init; }

    /// <summary>published = metered + rejected + in flight + lost.</summary>
    public long Published { get; init; }

    /// <summary>received = metered + rejected + duplicate.</summary>
    public long Received { get; init; }

    public long Metered { get; init; }

    public long Rejected { get; init; }

    public long Duplicate { get; init; }

    public long InFlight { get; init; }

    public long Lost { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    /// <summary>Rows in the ledger's token_events; -1 = not known yet.</summary>
    public long LedgerRows { get; init; } = -1;

    /// <summary>Those with the highest cost, then the most tokens.</summary>
    public IReadOnlyList<GroupFigures> Tenants { get; init; } = [];

    public IReadOnlyList<GroupFigures> Models { get; init; } = [];

    /// <summary>What the process waits for, in words: <c>Kafka at host:9092</c>; empty when it waits for nothing.</summary>
    public IReadOnlyList<string> WaitingFor { get; init; } = [];
}

/// <summary>Rates of one tenant or model.</summary>
public sealed record GroupFigures
{
    public required string Name { get; init; }

    public decimal EventsPerSecond { get; init; }

    public decimal InputTokensPerSecond { get; init; }

    public decimal OutputTokensPerSecond { get; init; }

    public decimal CostPerHourUsd { get; init; }
}
