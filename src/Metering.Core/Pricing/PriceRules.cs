using System.Text;

namespace Metering.Core.Pricing;

/// <summary>What a model's prices must obey before a price book takes them.</summary>
public static class PriceRules
{
    /// <summary>The longest model name, in bytes of UTF-8.</summary>
    public const int MaxModelBytes = 512;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Every broken rule as a sentence that names model, entry, tier, value and what is allowed; empty when there is none.</summary>
    public static IReadOnlyList<string> Check(ModelPrices prices)
    {
        var errors = new List<string>();
        CheckName(prices, errors);
        CheckLimit(prices, "max_input_tokens", prices.MaxInputTokens, errors);
        CheckLimit(prices, "max_output_tokens", prices.MaxOutputTokens, errors);
        if (prices.Entries.Count == 0)
            errors.Add($"model '{prices.Model}': has no price entry; give at least one");
        var dates = new HashSet<long>();
        for (var i = 0; i < prices.Entries.Count; i++)
        {
            var entry = prices.Entries[i];
            if (!dates.Add(entry.EffectiveFromMicros))
                errors.Add($"model '{prices.Model}': entry {i + 1} has the same effective_from as another; keep one of them");
            CheckTiers(prices.Model, i + 1, entry.Tiers, errors);
        }
        return errors;
    }

    private static void CheckName(ModelPrices prices, List<string> errors)
    {
        if (prices.Model.Length == 0)
        {
            errors.Add("a model's name is empty; give the name that events carry");
            return;
        }
        try
        {
            if (StrictUtf8.GetByteCount(prices.Model) > MaxModelBytes)
                errors.Add($"model '{prices.Model[..40]}…': the name is longer than {MaxModelBytes} bytes");
        }
        catch (EncoderFallbackException)
        {
            errors.Add("a model's name is not valid Unicode (a lone surrogate)");
        }
    }

    private static void CheckLimit(ModelPrices prices, string field, long? value, List<string> errors)
    {
        if (value is < 0)
            errors.Add($"model '{prices.Model}': {field} is {value}; it must be 0 or more, or left out");
    }

    private static void CheckTiers(string model, int entryNumber, IReadOnlyList<PriceTier> tiers, List<string> errors)
    {
        var where = $"model '{model}', entry {entryNumber}";
        if (tiers.Count == 0)
            errors.Add($"{where}: has no tier; give at least one, from 0 input tokens");
        for (var i = 0; i < tiers.Count; i++)
        {
            var tier = tiers[i];
            if (i == 0 && tier.AboveInputTokens != 0)
                errors.Add($"{where}: the first tier starts above {tier.AboveInputTokens} input tokens; it must start at 0");
            if (i > 0 && tier.AboveInputTokens <= tiers[i - 1].AboveInputTokens)
                errors.Add($"{where}: tier {i + 1} starts at {tier.AboveInputTokens}, not above the tier before it");
            CheckPrice(where, i + 1, "input", tier.InputPicoUsd, errors);
            CheckPrice(where, i + 1, "cached_input", tier.CachedInputPicoUsd, errors);
            CheckPrice(where, i + 1, "cache_write", tier.CacheWritePicoUsd, errors);
            CheckPrice(where, i + 1, "output", tier.OutputPicoUsd, errors);
            CheckPrice(where, i + 1, "reasoning", tier.ReasoningPicoUsd, errors);
        }
    }

    private static void CheckPrice(string where, int tierNumber, string field, long? picoUsd, List<string> errors)
    {
        if (picoUsd is < 0)
            errors.Add($"{where}, tier {tierNumber}: the {field} price is {picoUsd} pico-USD; it must be 0 or more");
    }
}
