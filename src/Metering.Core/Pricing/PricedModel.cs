namespace Metering.Core.Pricing;

/// <summary>One model's prices, ready to apply. Immutable; any thread. Hold it beside an interned model name to skip the lookup.</summary>
public sealed class PricedModel
{
    private readonly Entry[] _newestFirst;

    internal PricedModel(ModelPrices prices)
    {
        Prices = prices;
        _newestFirst = [.. prices.Entries.OrderByDescending(e => e.EffectiveFromMicros).Select(e => new Entry(prices.Model, e))];
    }

    /// <summary>What it was built from.</summary>
    public ModelPrices Prices { get; }

    /// <summary>The longest answer that the model gives; null = unknown.</summary>
    public long? MaxOutputTokens => Prices.MaxOutputTokens;

    /// <summary>Prices one request by the entry in effect at its time. Allocates nothing, takes no lock.</summary>
    /// <param name="eventTimeMicros">When the request ended, Unix microseconds.</param>
    /// <param name="inputTokens">All input, cached and cache-write included.</param>
    /// <param name="cachedInputTokens">Of it, read from a cache.</param>
    /// <param name="cacheWriteTokens">Of it, written to a cache.</param>
    /// <param name="outputTokens">All output, reasoning included.</param>
    /// <param name="reasoningTokens">Of it, reasoning.</param>
    public PriceResult Price(
        long eventTimeMicros,
        long inputTokens,
        long cachedInputTokens,
        long cacheWriteTokens,
        long outputTokens,
        long reasoningTokens)
    {
        if (AnyNegative(inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens))
            return PriceResult.Not(Unpriced.InvalidTokens);
        // Each step compares before it subtracts, so that hostile counts cannot wrap.
        if (cachedInputTokens > inputTokens || cacheWriteTokens > inputTokens - cachedInputTokens || reasoningTokens > outputTokens)
            return PriceResult.Not(Unpriced.InvalidTokens);

        foreach (var entry in _newestFirst)
        {
            if (eventTimeMicros < entry.EffectiveFromMicros)
                continue;
            ref readonly var tier = ref entry.TierFor(inputTokens);
            var costPicoUsd =
                ((Int128)(inputTokens - cachedInputTokens - cacheWriteTokens) * tier.InputPicoUsd)
                + ((Int128)cachedInputTokens * tier.CachedInputPicoUsd)
                + ((Int128)cacheWriteTokens * tier.CacheWritePicoUsd)
                + ((Int128)(outputTokens - reasoningTokens) * tier.OutputPicoUsd)
                + ((Int128)reasoningTokens * tier.ReasoningPicoUsd);
            return costPicoUsd > long.MaxValue
                ? PriceResult.Not(Unpriced.Overflow)
                : new PriceResult((long)costPicoUsd, entry.Version, Unpriced.No);
        }
        return PriceResult.Not(Unpriced.BeforeFirstPrice);
    }

    /// <summary>The most that a request can cost (R28): every token at its dearest, in any tier that its input may reach. Null: no
    /// price is in effect, or it does not fit a long.</summary>
    /// <param name="timeMicros">Unix microseconds.</param>
    /// <param name="inputTokens">At most.</param>
    /// <param name="outputTokens">At most.</param>
    public long? WorstPicoUsd(long timeMicros, long inputTokens, long outputTokens)
    {
        foreach (var entry in _newestFirst)
        {
            if (timeMicros < entry.EffectiveFromMicros)
                continue;
            var worst = entry.Worst(inputTokens, outputTokens);
            return worst > long.MaxValue ? null : (long)worst;
        }
        return null;
    }

    private static bool AnyNegative(long a, long b, long c, long d, long e) => (a | b | c | d | e) < 0;

    private sealed class Entry
    {
        private readonly Tier[] _rising;

        public Entry(string model, PriceEntry entry)
        {
            EffectiveFromMicros = entry.EffectiveFromMicros;
            Version = PriceVersion.Of(model, entry);
            _rising = [.. entry.Tiers.Select(t => new Tier(t))];
        }

        public long EffectiveFromMicros { get; }

        public ulong Version { get; }

        public Int128 Worst(long inputTokens, long outputTokens)
        {
            Int128 worst = 0;
            foreach (ref readonly var tier in _rising.AsSpan())
            {
                if (tier.AboveInputTokens > 0 && inputTokens <= tier.AboveInputTokens)
                    break;
                var input = Math.Max(tier.InputPicoUsd, Math.Max(tier.CachedInputPicoUsd, tier.CacheWritePicoUsd));
                worst = Int128.Max(worst, ((Int128)inputTokens * input) + ((Int128)outputTokens * Math.Max(tier.OutputPicoUsd, tier.ReasoningPicoUsd)));
            }
            return worst;
        }

        public ref readonly Tier TierFor(long inputTokens)
        {
            var i = _rising.Length - 1;
            while (i > 0 && inputTokens <= _rising[i].AboveInputTokens)
                i--;
            return ref _rising[i];
        }
    }

    private readonly struct Tier(PriceTier tier)
    {
        public readonly long AboveInputTokens = tier.AboveInputTokens;
        public readonly long InputPicoUsd = tier.InputPicoUsd;
        public readonly long CachedInputPicoUsd = tier.CachedInputPicoUsd ?? tier.InputPicoUsd;
        public readonly long CacheWritePicoUsd = tier.CacheWritePicoUsd ?? tier.InputPicoUsd;
        public readonly long OutputPicoUsd = tier.OutputPicoUsd;
        public readonly long ReasoningPicoUsd = tier.ReasoningPicoUsd ?? tier.OutputPicoUsd;
    }
}
