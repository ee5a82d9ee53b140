namespace Metering.Client;

/// <summary>A publisher's figures since it started (its epoch), and what its spool holds.</summary>
public sealed record PublisherStats
{
    public required string Source { get; init; }

    public required long Epoch { get; init; }

    /// <summary>Events accepted in this epoch: the last sequence.</summary>
    public required long Accepted { get; init; }

    /// <summary>Events of this epoch that the broker has acknowledged.</summary>
    public required long Acknowledged { get; init; }

    /// <summary>Accepted, not yet acknowledged; those that former runs left included.</summary>
    public required long SpooledEvents { get; init; }

    /// <summary>The spool's size on disk.</summary>
    public required long SpooledBytes { get; init; }

    /// <summary>Sum over the accepted events of this epoch.</summary>
    public required long InputTokens { get; init; }

    /// <summary>Sum over the accepted events of this epoch.</summary>
    public required long OutputTokens { get; init; }

    /// <summary>Events that waited longer than 15 days and were not sent (R2). All epochs that are still open.</summary>
    public required long Expired { get; init; }

    /// <summary>Events that the spool lost to a damaged disk. All epochs that are still open.</summary>
    public required long Damaged { get; init; }

    /// <summary>What keeps events from being sent, or null.</summary>
    public required string? Trouble { get; init; }
}
