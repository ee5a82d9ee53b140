namespace Metering.Core.Usage;

/// <summary>Sums over events. Token counts cannot overflow within an interval (an event has at most 10^10 of a kind); a cost
/// can, in pico-USD, at 9.2 million USD: then a second set of sums goes on.</summary>
public record struct UsageSums(
    long Requests, long InputTokens, long CachedInputTokens, long CacheWriteTokens, long OutputTokens, long ReasoningTokens, long CostPicoUsd, long Unpriced)
{
    /// <summary>Adds what <paramref name="other"/> holds; false, with nothing changed, when the cost would overflow.</summary>
    public bool TryAdd(in UsageSums other)
    {
        var cost = CostPicoUsd + other.CostPicoUsd;
        // Costs are never negative: a sum below zero has overflowed.
        if (cost < 0)
            return false;
        CostPicoUsd = cost;
        Requests += other.Requests;
        InputTokens += other.InputTokens;
        CachedInputTokens += other.CachedInputTokens;
        CacheWriteTokens += other.CacheWriteTokens;
        OutputTokens += other.OutputTokens;
        ReasoningTokens += other.ReasoningTokens;
        Unpriced += other.Unpriced;
        return true;
    }
}
