namespace Metering.Gateway.Admission;

/// <summary>A permit, or why there is none.</summary>
public readonly record struct AdmissionResult
{
    private AdmissionResult(Permit? permit, Refusal? refusal) => (Permit, Refusal) = (permit, refusal);

    /// <summary>Null when refused.</summary>
    public Permit? Permit { get; }

    /// <summary>Null when admitted.</summary>
    public Refusal? Refusal { get; }

    public static AdmissionResult Admitted(Permit permit) => new(permit, null);

    public static AdmissionResult Refused(Refusal refusal) => new(null, refusal);
}

/// <summary>Why a request may not go on, in words for its sender.</summary>
/// <param name="Kind">Decides the HTTP status and OpenAI's error code.</param>
/// <param name="Message">A sentence; the policy's own where it has one.</param>
/// <param name="RetryAfter">When it may be worth to ask again; null = unknown, or never.</param>
/// <param name="Limits">Figures for the x-ratelimit headers; null = none.</param>
public sealed record Refusal(RefusalKind Kind, string Message, TimeSpan? RetryAfter = null, RateLimitFigures? Limits = null);

/// <summary>What kind of no it is.</summary>
public enum RefusalKind
{
    /// <summary>Too fast: 429, <c>rate_limit_exceeded</c>, asked again after a while.</summary>
    Rate,

    /// <summary>Used up: 429, <c>insufficient_quota</c>; clients are told not to ask again.</summary>
    Quota,

    /// <summary>This key may not use this model: 403, <c>model_not_found</c>.</summary>
    ModelNotAllowed,

    /// <summary>The request cannot be bounded, or asks for what its limits can never hold: 400.</summary>
    Unbounded,

    /// <summary>Nothing can be decided now: 503.</summary>
    Unavailable,
}
