using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.Cli.Settings;
using Metering.Core.Pricing;

namespace Metering.Cli.Prices;

/// <summary>Reads one dated entry: base prices, <c>…_above_200k_tokens</c> tiers, or a <c>tiered_pricing</c> list.</summary>
internal sealed partial class PriceEntryReader(string where, JsonElement entry, List<string> errors, List<string> warnings)
{
    private const string Input = "input_cost_per_token";
    private const string Output = "output_cost_per_token";
    private const string CachedInput = "cache_read_input_token_cost";
    private const string CacheWrite = "cache_creation_input_token_cost";
    private const string Reasoning = "output_cost_per_reasoning_token";

    // LiteLLM's older name of the cached price.
    private const string CachedInputOld = "input_cost_per_token_cache_hit";

    private const long OneUsd = 1_000_000_000_000;
    private const long DearestPlausible = OneUsd / 1_000;

    private static readonly string[] PriceFields = [Input, Output, CachedInput, CacheWrite, Reasoning];
    private static readonly string[] NamedFields = [.. PriceFields, CachedInputOld, "effective_from", "tiered_pricing", "max_input_tokens", "max_output_tokens"];

    private readonly int _errorsBefore = errors.Count;

    /// <summary>True when an error was found in this entry.</summary>
    public bool Failed => errors.Count > _errorsBefore;

    /// <summary>The tiers, or null when the entry has no full token price (or has errors).</summary>
    public List<PriceTier>? TryReadTiers()
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            errors.Add($"{where}: an entry is a {entry.ValueKind}; give an object of prices");
            return null;
        }
        CheckNames();
        var tiers = entry.TryGetProperty("tiered_pricing", out var list) ? ReadTieredPricing(list) : ReadFlat();
        return Failed ? null : tiers;
    }

    /// <summary>The entry's own date, or null when it has none.</summary>
    public DateTimeOffset? ReadEffectiveFrom()
    {
        if (!entry.TryGetProperty("effective_from", out var value))
            return null;
        if (PriceFileReader.TryReadDate(value, out var date))
            return date;
        errors.Add($"{where}: effective_from is {Shorten(value)}; write a date as \"2026-01-31\" or a moment as \"2026-01-31T12:00:00Z\"");
        return DateTimeOffset.UnixEpoch;
    }

    public string ReadProvider() =>
        entry.TryGetProperty("litellm_provider", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    public long? ReadLimit(string field)
    {
        if (!entry.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        // 128000.0 stands in real lists.
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number)
            && number is >= 0 and <= long.MaxValue && decimal.Truncate(number) == number)
        {
            return (long)number;
        }
        errors.Add($"{where}: {field} is {Shorten(value)}; give a whole number of tokens, or leave it out");
        return null;
    }

    private List<PriceTier>? ReadFlat()
    {
        var thresholds = entry.EnumerateObject()
            .Select(p => TierSuffix().Match(p.Name))
            .Where(m => m.Success && PriceFields.Contains(m.Groups["field"].Value))
            .Select(m => long.Parse(m.Groups["thousands"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) * 1_000)
            .Distinct().Order();

        if (ReadTier(entry, "", 0, inherited: null) is not { } tier)
            return null;
        var tiers = new List<PriceTier> { tier };
        foreach (var above in thresholds)
        {
            if (ReadTier(entry, $"_above_{above / 1_000}k_tokens", above, tiers[^1]) is { } next)
                tiers.Add(next);
        }
        return tiers;
    }

    private List<PriceTier>? ReadTieredPricing(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            errors.Add($"{where}: tiered_pricing is {Shorten(list)}; give a list of tiers with a range each");
            return null;
        }
        var tiers = new List<PriceTier>();
        var expectedFrom = 0m;
        foreach (var element in list.EnumerateArray())
        {
            // Image models are tiered by other things than tokens: such lists have no token ranges.
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty("range", out var range))
                return null;
            if (!TryReadRange(range, out var from, out var to) || from != expectedFrom)
            {
                errors.Add($"{where}: tiered_pricing has the range {Shorten(range)}; ranges are [from, to] in whole tokens, the first from 0, each from where the one before ends ({expectedFrom})");
                return null;
            }
            if (ReadTier(element, "", (long)from, inherited: null) is not { } tier)
                return null;
            tiers.Add(tier);
            expectedFrom = to;
        }
        return tiers;
    }

    private static bool TryReadRange(JsonElement range, out decimal from, out decimal to)
    {
        (from, to) = (0, 0);
        return range.ValueKind == JsonValueKind.Array && range.GetArrayLength() == 2
            && range[0].ValueKind == JsonValueKind.Number && range[1].ValueKind == JsonValueKind.Number
            && range[0].TryGetDecimal(out from) && range[1].TryGetDecimal(out to)
            && from >= 0 && to > from && to <= long.MaxValue && decimal.Truncate(from) == from && decimal.Truncate(to) == to;
    }

    /// <summary>
    /// What a tier above a threshold leaves out it takes from the tier below. An entry without an input price has no
    /// token price; one without an output price has none either, unless its kind of model has no output.
    /// </summary>
    private PriceTier? ReadTier(JsonElement from, string suffix, long above, PriceTier? inherited)
    {
        var input = ReadPrice(from, Input + suffix) ?? inherited?.InputPicoUsd;
        var output = ReadPrice(from, Output + suffix) ?? inherited?.OutputPicoUsd ?? (HasNoOutput() ? 0 : null);
        var cachedInput = ReadPrice(from, CachedInput + suffix) ?? (suffix.Length == 0 ? ReadPrice(from, CachedInputOld) : null) ?? inherited?.CachedInputPicoUsd;
        var cacheWrite = ReadPrice(from, CacheWrite + suffix) ?? inherited?.CacheWritePicoUsd;
        var reasoning = ReadPrice(from, Reasoning + suffix) ?? inherited?.ReasoningPicoUsd;
        return input is null || output is null
            ? null
            : new PriceTier(above, input.Value, output.Value, cachedInput, cacheWrite, reasoning);
    }

    private bool HasNoOutput() =>
        entry.TryGetProperty("mode", out var mode) && mode.ValueKind == JsonValueKind.String
        && mode.GetString() is "embedding" or "rerank" or "moderation";

    private long? ReadPrice(JsonElement from, string field)
    {
        if (!from.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind != JsonValueKind.Number || !PicoUsd.TryParse(value.GetRawText(), out var picoUsd, out var rounded))
        {
            errors.Add($"{where}: {field} is {Shorten(value)}; give USD per token as a number of 0 or more, such as 2.5e-06");
            return null;
        }
        if (picoUsd > OneUsd)
        {
            errors.Add($"{where}: {field} is {value.GetRawText()} USD for one token; prices are per token, so 2.50 USD per million are 2.5e-06");
            return null;
        }
        if (picoUsd > DearestPlausible)
            warnings.Add($"{where}: {field} is {value.GetRawText()} USD per token, more than 1,000 USD per million tokens; check its unit");
        if (rounded)
            warnings.Add($"{where}: {field} is {value.GetRawText()}, no whole number of pico-USD; rounded to {picoUsd} pico-USD");
        return picoUsd;
    }

    /// <summary>A misspelt price field would leave a model unpriced, or its cache at full price, without a word.</summary>
    private void CheckNames()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in entry.EnumerateObject())
        {
            if (!seen.Add(property.Name))
                errors.Add($"{where}: {property.Name} stands twice in one entry; keep one");
            if (NamedFields.Contains(property.Name))
                continue;
            var nearest = NamedFields.FirstOrDefault(f => NearestName.Edits(f, property.Name) <= 2);
            if (nearest is not null)
                errors.Add($"{where}: {property.Name} is no field; did you mean {nearest}?");
        }
    }

    private static string Shorten(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "…";
    }

    [GeneratedRegex(@"^(?<field>[a-z_]+)_above_(?<thousands>[0-9]{1,9})k_tokens$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex TierSuffix();
}
