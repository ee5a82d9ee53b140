namespace Metering.Cli.Output;

/// <summary>What a process has counted since it started, at one moment; <see cref="LiveFiguresBuilder"/> makes rates of it.</summary>
public sealed record RunningTotals
{
    /// <summary>Of a gateway: requests with a known key that have ended; null in a process that serves none.</summary>
    public long? Requests { get; init; }

    /// <summary>Of a gateway: requests under way.</summary>
    public long? Active { get; init; }

    public long Published { get; init; }

    public long Received { get; init; }

    public long Metered { get; init; }

    public long Rejected { get; init; }

    public long Duplicate { get; init; }

    public long InFlight { get; init; }

    public long Lost { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    public Int128 CostPicoUsd { get; init; }

    public long LagRecords { get; init; }

    public long LagMs { get; init; }

    /// <summary>-1 = not known yet.</summary>
    public long LedgerRows { get; init; } = -1;

    public IReadOnlyList<GroupTotals> Tenants { get; init; } = [];

    public IReadOnlyList<GroupTotals> Models { get; init; } = [];

    public IReadOnlyList<string> WaitingFor { get; init; } = [];
}

/// <summary>Sums of one tenant or model since the process started.</summary>
public readonly record struct GroupTotals(string Name, long Events, long InputTokens, long OutputTokens, Int128 CostPicoUsd);
