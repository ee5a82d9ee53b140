namespace Metering.Core.Pricing;

/// <summary>All prices that one model has had, as an operator wrote them; the same shape as <c>schemas/price.avsc</c>.</summary>
/// <param name="Model">The name that events carry; 1 to <see cref="PriceRules.MaxModelBytes"/> bytes of UTF-8, compared byte by byte.</param>
/// <param name="Provider">Who sells it; may be empty.</param>
/// <param name="MaxInputTokens">The longest prompt it takes; null = unknown.</param>
/// <param name="MaxOutputTokens">The longest answer it gives; null = unknown.</param>
/// <param name="Entries">One per effective date, in any order, no date twice.</param>
public sealed record ModelPrices(
    string Model,
    string Provider,
    long? MaxInputTokens,
    long? MaxOutputTokens,
    IReadOnlyList<PriceEntry> Entries);

/// <summary>The prices in effect from one moment until the next entry's.</summary>
/// <param name="EffectiveFromMicros">Unix microseconds; usage at exactly this moment is priced by this entry.</param>
/// <param name="Tiers">By input tokens of the request, rising; the first starts at 0.</param>
public sealed record PriceEntry(long EffectiveFromMicros, IReadOnlyList<PriceTier> Tiers);

/// <summary>Prices in pico-USD a token (10⁻¹² USD; 2.50 USD per million tokens are 2,500,000). An explicit 0 means free; null means "as below".</summary>
/// <param name="AboveInputTokens">The tier prices the whole request when its input is above this; 0 for the first tier, which also prices requests without input.</param>
/// <param name="InputPicoUsd">Of input that was neither read from nor written to a cache.</param>
/// <param name="OutputPicoUsd">Of output that is not reasoning.</param>
/// <param name="CachedInputPicoUsd">Of input read from a cache; null = as input.</param>
/// <param name="CacheWritePicoUsd">Of input written to a cache; null = as input.</param>
/// <param name="ReasoningPicoUsd">Of reasoning output; null = as output.</param>
public sealed record PriceTier(
    long AboveInputTokens,
    long InputPicoUsd,
    long OutputPicoUsd,
    long? CachedInputPicoUsd = null,
    long? CacheWritePicoUsd = null,
    long? ReasoningPicoUsd = null);
