using System.Collections.Frozen;
using System.Text.Json;

namespace Metering.Registry.Model;

/// <summary>Reads the attributes of a schema's JSON, and says in words when one is of the wrong type.</summary>
internal static class SchemaJson
{
    /// <summary>The attributes that Avro reserves; all others are properties, kept and given back.</summary>
    public static readonly FrozenSet<string> SchemaWords =
        FrozenSet.Create("type", "name", "namespace", "doc", "aliases", "fields", "symbols", "size", "items", "values");

    public static readonly FrozenSet<string> EnumWords = FrozenSet.Create([.. SchemaWords, "default"]);

    public static readonly FrozenSet<string> FieldWords = FrozenSet.Create("type", "name", "doc", "aliases", "default", "order");

    public static string RequiredString(JsonElement json, string word, string where) =>
        OptionalString(json, word, where) ?? throw new SchemaException(where, $"'{word}' is missing");

    public static string? OptionalString(JsonElement json, string word, string where)
    {
        if (!json.TryGetProperty(word, out var value))
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new SchemaException(where, $"'{word}' must be a string, not {value.ValueKind}");
    }

    public static List<string> Strings(JsonElement list, string word, string where)
    {
        if (list.ValueKind != JsonValueKind.Array)
            throw new SchemaException(where, $"'{word}' must be an array of strings");
        var strings = new List<string>(list.GetArrayLength());
        foreach (var item in list.EnumerateArray())
            strings.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw new SchemaException(where, $"'{word}' must be an array of strings"));
        return strings;
    }

    public static IReadOnlyList<JsonProperty> Others(JsonElement json, FrozenSet<string> words)
    {
        List<JsonProperty>? others = null;
        foreach (var property in json.EnumerateObject())
            if (!words.Contains(property.Name))
                (others ??= []).Add(property);
        return others is null ? [] : others;
    }
}
