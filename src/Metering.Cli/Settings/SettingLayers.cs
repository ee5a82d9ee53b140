namespace Metering.Cli.Settings;

/// <summary>One value as given, and where it was given, for messages.</summary>
public readonly record struct GivenValue(string Text, string Origin);

/// <summary>
/// What was given for each setting, later layers over earlier ones. A layer replaces the value of a plain setting and of a list; the
/// entries of a KEY=VALUE setting are replaced key by key, so that a file may hold the rules and the environment the password.
/// </summary>
internal sealed class SettingLayers
{
    private readonly Dictionary<string, GivenValue> _plain = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<GivenValue>> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<string, GivenValue>> _maps = new(StringComparer.Ordinal);

    public void Set(SettingDefinition setting, string text, string origin)
    {
        // A variable that is set to nothing is how a compose file leaves a setting out.
        if (text.Length > 0)
            _plain[setting.Key] = new GivenValue(text, origin);
    }

    public void SetList(SettingDefinition setting, IEnumerable<string> texts, string origin)
    {
        var given = texts.Where(static text => text.Length > 0).Select(text => new GivenValue(text, origin)).ToList();
        if (given.Count > 0)
            _lists[setting.Key] = given;
    }

    public void SetEntry(SettingDefinition setting, string key, string text, string origin)
    {
        if (!_maps.TryGetValue(setting.Key, out var entries))
            _maps[setting.Key] = entries = new SortedDictionary<string, GivenValue>(StringComparer.Ordinal);
        entries[key] = new GivenValue(text, origin);
    }

    public GivenValue? Get(SettingDefinition setting) =>
        _plain.TryGetValue(setting.Key, out var given) ? given : null;

    public IReadOnlyList<GivenValue> List(SettingDefinition setting) => _lists.TryGetValue(setting.Key, out var given) ? given : [];

    public IReadOnlyDictionary<string, GivenValue> Entries(SettingDefinition setting) =>
        _maps.TryGetValue(setting.Key, out var entries) ? entries : new Dictionary<string, GivenValue>(StringComparer.Ordinal);
}
