using System.Text.Json;

namespace Metering.Cli.Settings;

/// <summary>Settings from a JSON file: <c>{"kafka": {"brokers": "host:9092", "config": {"security.protocol": "ssl"}}}</c>.
/// Comments and trailing commas may stand in it.</summary>
internal static class FileSettings
{
    private static readonly JsonDocumentOptions Lenient =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false, MaxDepth = 16 };

    public static void AddTo(SettingLayers layers, GivenValue file, List<string> errors)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file.Text), Lenient);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                AddObject(layers, "", document.RootElement, file.Text, errors);
            else
                errors.Add($"{file.Origin} \"{file.Text}\" holds no JSON object; write {{\"kafka\": {{\"brokers\": \"host:9092\"}}}}.");
        }
        catch (JsonException e)
        {
            errors.Add($"{file.Origin} \"{file.Text}\" is no JSON: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            errors.Add($"{file.Origin} \"{file.Text}\" cannot be read ({e.Message}); correct the path.");
        }
    }

    private static void AddObject(SettingLayers layers, string path, JsonElement element, string file, List<string> errors)
    {
        foreach (var property in element.EnumerateObject())
        {
            var key = path.Length == 0 ? property.Name : $"{path}:{property.Name}";
            var setting = KnownSettings.Find(key);
            if (setting is { IsMap: true })
                AddMap(layers, setting, key, property.Value, file, errors);
            else if (setting is { IsList: true } && property.Value.ValueKind == JsonValueKind.Array)
                AddList(layers, setting, key, property.Value, file, errors);
            else if (setting is not null)
                AddPlain(layers, setting, key, property.Value, file, errors);
            else if (property.Value.ValueKind == JsonValueKind.Object && IsSection(key))
                AddObject(layers, key, property.Value, file, errors);
            else
                errors.Add(Unknown(key, file));
        }
    }

    private static void AddPlain(
        SettingLayers layers, SettingDefinition setting, string key, JsonElement value, string file, List<string> errors)
    {
        if (setting == KnownSettings.Config)
            errors.Add($"{key} in {file} is refused: a configuration file names no other; give {setting.Flag} once.");
        else if (value.ValueKind == JsonValueKind.Null)
            return;
        else if (Scalar(value) is { } text && setting.IsList)
            layers.SetList(setting, [text], $"{key} in {file}");
        else if (Scalar(value) is { } single)
            layers.Set(setting, single, $"{key} in {file}");
        else
            errors.Add($"{key} in {file} is {Kind(value)}; give one value.");
    }

    private static void AddList(SettingLayers layers, SettingDefinition setting, string key, JsonElement value, string file, List<string> errors)
    {
        var texts = value.EnumerateArray().Select(Scalar).ToList();
        if (texts.Contains(null))
            errors.Add($"{key} in {file} holds something else than plain values; give a list of them.");
        else
            layers.SetList(setting, texts!, $"{key} in {file}");
    }

    private static void AddMap(
        SettingLayers layers, SettingDefinition setting, string key, JsonElement value, string file, List<string> errors)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            errors.Add($"{key} in {file} is {Kind(value)}; give an object: {{\"security.protocol\": \"ssl\"}}.");
            return;
        }
        foreach (var entry in value.EnumerateObject())
        {
            if (Scalar(entry.Value) is { } text)
                layers.SetEntry(setting, entry.Name, text, $"{key}:{entry.Name} in {file}");
            else
                errors.Add($"{key}:{entry.Name} in {file} is {Kind(entry.Value)}; give one value.");
        }
    }

    private static string? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.Null => "null",
        _ => "a single value",
    };

    private static bool IsSection(string key) =>
        KnownSettings.All.Any(s => s.Key.StartsWith(key + ":", StringComparison.OrdinalIgnoreCase));

    private static string Unknown(string key, string file)
    {
        var nearest = NearestName.Of(key, KnownSettings.All.Select(s => s.Key));
        return nearest is null
            ? $"{key} in {file} is no setting; take it out."
            : $"{key} in {file} is no setting; did you mean {nearest}?";
    }
}
