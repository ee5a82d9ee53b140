using Metering.Core.Pricing;
using Metering.Events;

namespace Metering.Client.Prices;

/// <summary>Between the price book's records and those of the <c>prices</c> topic (<c>schemas/price.avsc</c>).</summary>
public static class PriceRecords
{
    /// <summary>The topic's record; prices that were left out are written as what they default to.</summary>
    public static Price ToRecord(ModelPrices prices) => new()
    {
        Model = prices.Model,
        Provider = prices.Provider,
        MaxInputTokens = prices.MaxInputTokens,
        MaxOutputTokens = prices.MaxOutputTokens,
        Entries =
        [
            .. prices.Entries.OrderBy(e => e.EffectiveFromMicros).Select(entry => new Metering.Events.PriceEntry
            {
                EffectiveFromMicros = entry.EffectiveFromMicros,
                Tiers = [.. entry.Tiers.Select(ToRecord)],
            }),
        ],
    };

    /// <summary>The price book's record. Check it with <see cref="PriceRules.Check"/>: the topic may hold anything.</summary>
    public static ModelPrices FromRecord(Price record) => new(
        record.Model,
        record.Provider,
        record.MaxInputTokens,
        record.MaxOutputTokens,
        [.. record.Entries.Select(entry => new Metering.Core.Pricing.PriceEntry(entry.EffectiveFromMicros, [.. entry.Tiers.Select(FromRecord)]))]);

    private static Metering.Events.PriceTier ToRecord(Metering.Core.Pricing.PriceTier tier) => new()
    {
        AboveInputTokens = tier.AboveInputTokens,
        InputPicoUsd = tier.InputPicoUsd,
        CachedInputPicoUsd = tier.CachedInputPicoUsd ?? tier.InputPicoUsd,
        CacheWritePicoUsd = tier.CacheWritePicoUsd ?? tier.InputPicoUsd,
        OutputPicoUsd = tier.OutputPicoUsd,
        ReasoningPicoUsd = tier.ReasoningPicoUsd ?? tier.OutputPicoUsd,
    };

    private static Metering.Core.Pricing.PriceTier FromRecord(Metering.Events.PriceTier tier) => new(
        tier.AboveInputTokens, tier.InputPicoUsd, tier.OutputPicoUsd, tier.CachedInputPicoUsd, tier.CacheWritePicoUsd, tier.ReasoningPicoUsd);
}
