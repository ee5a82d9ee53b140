using Metering.Core.Usage;

namespace Metering.Core.Rates;

/// <summary>What was used within a window that ends now.</summary>
/// <param name="WindowMs">Its length.</param>
public readonly record struct RateSums(
    long WindowMs, Int128 Requests, Int128 InputTokens, Int128 CachedInputTokens, Int128 OutputTokens, Int128 ReasoningTokens, Int128 CostPicoUsd)
{
    public bool IsZero => this with { WindowMs = 0 } == default;

    /// <summary>Input and output, rounded.</summary>
    public long TokensPerSecond => Rounded(InputTokens + OutputTokens, 1_000);

    /// <summary>Rounded.</summary>
    public long CostPicoUsdPerHour => Rounded(CostPicoUsd, 3_600_000);

    /// <summary>With a cell's sums, of which a part lies in the window.</summary>
    public RateSums With(in UsageSums sums, long part, long of) => new(
        WindowMs,
        Requests + Part(sums.Requests, part, of),
        InputTokens + Part(sums.InputTokens, part, of),
        CachedInputTokens + Part(sums.CachedInputTokens, part, of),
        OutputTokens + Part(sums.OutputTokens, part, of),
        ReasoningTokens + Part(sums.ReasoningTokens, part, of),
        CostPicoUsd + Part(sums.CostPicoUsd, part, of));

    private static Int128 Part(long value, long part, long of) => part == of ? value : (Int128)value * part / of;

    private long Rounded(Int128 sum, long perMs) => (long)Int128.Min(((sum * perMs) + (WindowMs / 2)) / WindowMs, long.MaxValue);
}
