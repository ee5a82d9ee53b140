namespace Metering.Gateway.Admission;

/// <summary>Leave to forward one request, and its reservation. The gateway settles it exactly once, however the request ends.</summary>
public abstract class Permit
{
    /// <summary>The lease that pays; null when none does, and the event is charged when it is metered.</summary>
    public abstract string? LeaseId { get; }

    /// <summary>The window of limits in which the request counts (R26), Unix time in microseconds.</summary>
    public abstract long AdmittedAtMicros { get; }

    /// <summary>The largest answer that is paid for, in tokens for each choice: sent to the upstream when the client asked for more,
    /// or for nothing in particular. Null = the client's own.</summary>
    public virtual long? MaxOutputTokens => null;

    /// <summary>Output tokens that the whole request may produce, all its choices together, as of now: it is asked at each chunk of a
    /// stream and may change meanwhile. A stream that outruns it is cut.</summary>
    public virtual long OutputAllowance => long.MaxValue;

    /// <summary>Prompt tokens reserved: what a crash of the gateway is charged with when a lease paid. 0 = none.</summary>
    public virtual long ReservedInputTokens => 0;

    /// <summary>Output tokens reserved.</summary>
    public virtual long ReservedOutputTokens => 0;

    /// <summary>What each lease pays for this use, as <see cref="Settle"/> charges it: for the event (R29). Null = all that is reserved, which
    /// is what a crash of the gateway costs.</summary>
    public virtual void AddPaid(in ActualUsage? usage, IDictionary<string, long> paidBy)
    {
    }

    /// <summary>Figures for the x-ratelimit headers; null = none.</summary>
    public virtual RateLimitFigures? Limits => null;

    /// <summary>The request has ended: this is what it used. Called exactly once, on any thread; must not block or throw.</summary>
    public abstract void Settle(in ActualUsage usage);
}

/// <summary>What a request really used.</summary>
public readonly record struct ActualUsage
{
    /// <summary>Includes cached ones.</summary>
    public required long InputTokens { get; init; }

    public required long CachedInputTokens { get; init; }

    /// <summary>Includes reasoning.</summary>
    public required long OutputTokens { get; init; }

    public required long ReasoningTokens { get; init; }

    /// <summary>The model host has not said it: counted by tokenizer from what was sent and what arrived. Under a hard limit such a
    /// request settles at its whole reservation, unless its upstream's slack is declared (R28).</summary>
    public required bool IsEstimated { get; init; }

    /// <summary>The upstream may have computed: false when it never got the request, or refused it.</summary>
    public required bool WasServed { get; init; }
}
