using Metering.Core.Windows;

namespace Metering.Core.Policies;

/// <summary>A limit on a part of the usage, with the steps that are taken on the way to it.</summary>
public sealed record Policy
{
    public required string Name { get; init; }

    /// <summary>Whose requests: all of these must fit; none = everybody's.</summary>
    public IReadOnlyList<PolicyMatch> Match { get; init; } = [];

    /// <summary>Requests that fit any of these are let through, and count.</summary>
    public IReadOnlyList<PolicyMatch> Except { get; init; } = [];

    public required LimitUnit Unit { get; init; }

    /// <summary>In <see cref="Unit"/>, 0 or more; USD in pico-USD.</summary>
    public required long Amount { get; init; }

    public required LimitPeriod Per { get; init; }

    /// <summary>The last such time at each moment, instead of windows with a beginning. Soft limits only.</summary>
    public bool Rolling { get; init; }

    /// <summary>Never passed, whatever fails: kept by leases (R23 to R29).</summary>
    public bool Hard { get; init; }

    /// <summary>IANA name of where windows of a day and longer begin; null = UTC.</summary>
    public string? TimeZone { get; init; }

    /// <summary>In ascending order of <see cref="PolicyStep.AtPpm"/>.</summary>
    public IReadOnlyList<PolicyStep> Steps { get; init; } = [];

    /// <summary>True: decided, published and stored, but not done.</summary>
    public bool IsShadow { get; init; }

    /// <summary>How many in a million of its requests it touches.</summary>
    public int SharePpm { get; init; } = 1_000_000;

    public LostControl WhenControlIsLost { get; init; }

    /// <summary>Of the limit, for each gateway, set aside beforehand (<see cref="LostControl.SafeShare"/>).</summary>
    public int SafeSharePpm { get; init; }

    /// <summary>For the client whose request it touches.</summary>
    public string Message { get; init; } = "";

    /// <summary>When an operator applied it, Unix µs.</summary>
    public long AppliedAtMicros { get; init; }

    /// <summary>R30: a new or lowered hard limit begins when every gateway has heard of it. Unix µs.</summary>
    public long EffectiveAtMicros { get; init; }
}

/// <param name="Dimension">tenant, key, model, route, pool or tag.NAME.</param>
/// <param name="Values">Any of these; they share one limit. Empty with <paramref name="Each"/>.</param>
/// <param name="Each">Every value has a limit of its own.</param>
public sealed record PolicyMatch(string Dimension, IReadOnlyList<string> Values, bool Each = false);

/// <summary>What is done once a share of the limit is used.</summary>
/// <param name="AtPpm">The share, in a million; 1,000,000 = the whole limit.</param>
public sealed record PolicyStep(int AtPpm, StepAction Action)
{
    /// <summary>Throttle: the scope's rate over all gateways.</summary>
    public long? TokensPerSecond { get; init; }

    /// <summary>Throttle: what may go at once; null = one second's.</summary>
    public long? BurstTokens { get; init; }

    /// <summary>CapOutput: the most that one request may answer.</summary>
    public long? MaxOutputTokens { get; init; }

    /// <summary>Downgrade.</summary>
    public string? ToModel { get; init; }

    /// <summary>Deny: when to try again; null = at the window's end.</summary>
    public long? RetryAfterMs { get; init; }
}

public enum LimitUnit
{
    Tokens,
    InputTokens,
    OutputTokens,
    Usd,
    Requests,
    Concurrent,
}

public enum StepAction
{
    Notify,
    Throttle,
    CapOutput,
    Downgrade,
    Deny,
}

/// <summary>What a gateway does with a policy's requests when it has heard nothing from the governor (R30).</summary>
public enum LostControl
{
    /// <summary>The last decisions go on; hard limits by the leases in hand.</summary>
    Hold,

    /// <summary>A share that was set aside for each gateway.</summary>
    SafeShare,

    /// <summary>The limit is waived.</summary>
    Open,

    /// <summary>Nothing is let through.</summary>
    Closed,
}
