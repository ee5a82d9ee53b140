using System.Globalization;
using System.Text.Json;
using Metering.Core.Pricing;

namespace Metering.Cli.Prices;

/// <summary>Reads one price list and collects all that is wrong with it.</summary>
internal sealed class PriceFileReader(string fileName)
{
    private readonly List<string> _errors = [];
    private readonly List<string> _warnings = [];
    private int _skipped;
    private int _undated;

    public PriceFile Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new PriceFileException([$"{fileName}: is a JSON {root.ValueKind}; a price list is an object of model names"]);

        var fileDate = ReadFileDate(root);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var models = new List<ModelPrices>();
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name.StartsWith('_'))
                CheckFileField(property);
            else if (!names.Add(property.Name))
                _errors.Add($"{fileName}: model '{property.Name}' is in the list twice; put its entries into one array");
            else if (ReadModel(property.Name, property.Value, fileDate) is { } model)
                models.Add(model);
        }

        foreach (var model in models)
            _errors.AddRange(PriceRules.Check(model).Select(e => $"{fileName}: {e}"));
        if (_undated > 0 && fileDate is null)
            _warnings.Add($"{fileName}: {_undated} entries have no effective_from and the file no _effective_from; they are taken as in effect from {PriceFile.DefaultEffectiveFrom:yyyy-MM-dd}");
        if (_errors.Count > 0)
            throw new PriceFileException(_errors);
        return new PriceFile(models, _skipped, _warnings);
    }

    private ModelPrices? ReadModel(string name, JsonElement value, DateTimeOffset? fileDate)
    {
        // LiteLLM's map opens with an entry that documents the fields; its zeros would make a free model.
        if (name == "sample_spec")
        {
            _skipped++;
            return null;
        }
        if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            _errors.Add($"{fileName}: model '{name}': is a {value.ValueKind}; give an object of prices, or an array of them with effective_from");
            return null;
        }

        var entries = new List<PriceEntry>();
        PriceEntryReader? newest = null;
        var newestFrom = long.MinValue;
        foreach (var element in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
        {
            var reader = new PriceEntryReader($"{fileName}: model '{name}'", element, _errors, _warnings);
            if (reader.TryReadTiers() is not { } tiers)
            {
                if (!reader.Failed)
                    _skipped++;
                continue;
            }
            var from = reader.ReadEffectiveFrom() ?? Undated(fileDate);
            var fromMicros = from.ToUnixTimeMilliseconds() * 1_000;
            entries.Add(new PriceEntry(fromMicros, tiers));
            if (fromMicros > newestFrom)
                (newest, newestFrom) = (reader, fromMicros);
        }
        return newest is null
            ? null
            : new ModelPrices(name, newest.ReadProvider(), newest.ReadLimit("max_input_tokens"), newest.ReadLimit("max_output_tokens"), entries);
    }

    private DateTimeOffset Undated(DateTimeOffset? fileDate)
    {
        _undated++;
        return fileDate ?? PriceFile.DefaultEffectiveFrom;
    }

    private DateTimeOffset? ReadFileDate(JsonElement root)
    {
        if (!root.TryGetProperty("_effective_from", out var value))
            return null;
        if (TryReadDate(value, out var date))
            return date;
        _errors.Add($"{fileName}: _effective_from is {value.GetRawText()}; write a date as \"2026-01-31\"");
        return null;
    }

    private void CheckFileField(JsonProperty property)
    {
        if (property.Name is not ("_effective_from" or "_comment"))
            _errors.Add($"{fileName}: '{property.Name}' is no field of a price list; names that start with '_' are _effective_from and _comment");
    }

    /// <summary>A day (midnight UTC), or a moment with its offset.</summary>
    internal static bool TryReadDate(JsonElement value, out DateTimeOffset date)
    {
        date = default;
        if (value.ValueKind != JsonValueKind.String)
            return false;
        var text = value.GetString()!;
        string[] formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
        return DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out date);
    }
}
