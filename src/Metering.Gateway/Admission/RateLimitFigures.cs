namespace Metering.Gateway.Admission;

/// <summary>The limit that binds a request most, for the x-ratelimit headers. A figure that is null is left out.</summary>
public sealed record RateLimitFigures
{
    /// <summary>Requests in the window.</summary>
    public long? LimitRequests { get; init; }

    /// <summary>Left after this request.</summary>
    public long? RemainingRequests { get; init; }

    /// <summary>Until the window ends.</summary>
    public TimeSpan? ResetRequests { get; init; }

    /// <summary>Tokens in the window.</summary>
    public long? LimitTokens { get; init; }

    /// <summary>Left with this request's worst case reserved.</summary>
    public long? RemainingTokens { get; init; }

    /// <summary>Until the window ends.</summary>
    public TimeSpan? ResetTokens { get; init; }
}
