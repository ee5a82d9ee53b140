using Metering.Events;

namespace Metering.Cli.Workload;

/// <summary>One kind of traffic: what its arrivals and sizes follow. The figures and where they come from: docs/workload.md.</summary>
public sealed record WorkloadProfile
{
    /// <summary>Its name, in figures and tests.</summary>
    public required string Name { get; init; }

    /// <summary>Of all requests; the shares of all profiles add up to 1.</summary>
    public required double Share { get; init; }

    /// <summary>Standard deviation ÷ mean of the times between its requests.</summary>
    public required double ArrivalCv { get; init; }

    /// <summary>Input tokens.</summary>
    public required QuantileCurve Input { get; init; }

    /// <summary>Output tokens; null = none.</summary>
    public QuantileCurve? Output { get; init; }

    /// <summary>Spearman's rank correlation of input and output, −1 to 1.</summary>
    public double SizeCorrelation { get; init; }

    /// <summary>Share of the output that is reasoning; null = none.</summary>
    public QuantileCurve? ReasoningRatio { get; init; }

    /// <summary>How likely the prompt's prefix is cached, by the quarter of the input distribution that its length is in.</summary>
    public required double[] CacheHitByQuarter { get; init; }

    /// <summary>The cached share of a prompt whose prefix is.</summary>
    public required QuantileCurve CachedRatio { get; init; }

    /// <summary>What is asked for.</summary>
    public required Operation Operation { get; init; }

    /// <summary>How many of its answers are streamed, 0 to 1.</summary>
    public double Streamed { get; init; }

    /// <summary>Routes, drawn evenly.</summary>
    public required string[] Routes { get; init; }

    /// <summary>Models with their weights.</summary>
    public required (WorkloadModel Model, int Weight)[] Models { get; init; }
}

/// <summary>A model of the workload.</summary>
/// <param name="Name">As in infra/prices/prices.json.</param>
/// <param name="Provider">Who answers.</param>
/// <param name="Pool">The GPU pool of our own that serves it; null = bought by the token.</param>
/// <param name="Nodes">How many nodes the pool has.</param>
/// <param name="PrefillTokensPerSecond">How fast it reads a prompt.</param>
/// <param name="DecodeTokensPerSecond">How fast it writes one answer.</param>
/// <param name="WritesCache">True when cache writes are reported (and priced) apart.</param>
public sealed record WorkloadModel(
    string Name,
    string Provider,
    string? Pool,
    int Nodes,
    int PrefillTokensPerSecond,
    int DecodeTokensPerSecond,
    bool WritesCache = false);
