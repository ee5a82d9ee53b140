namespace Metering.Cli.Settings;

/// <summary>
/// Settings from variables: <c>METERING__KAFKA__BROKERS</c>; <c>METERING__REGISTRY__URL_FILE</c> names a file that holds
/// the value; <c>METERING__KAFKA__CONFIG__SASL_PASSWORD</c> is librdkafka's <c>sasl.password</c>.
/// </summary>
internal static class EnvironmentSettings
{
    /// <summary>librdkafka properties that end in ".file" themselves, so that <c>_FILE</c> belongs to their name.</summary>
    private static readonly string[] PropertiesNamedFile =
        ["sasl.oauthbearer.assertion.private.key.file", "sasl.oauthbearer.assertion.jwt.template.file"];

    /// <summary>The configuration file named on the command line, else in the environment; null when none is.</summary>
    public static GivenValue? ConfigFile(SettingsSources sources)
    {
        var setting = KnownSettings.Config;
        if (sources.CommandLine.TryGetValue(setting.Key, out var given) && given.Count > 0)
            return new GivenValue(given[^1], setting.Flag);
        return sources.Environment.TryGetValue(setting.EnvironmentName, out var path) && path.Length > 0
            ? new GivenValue(path, setting.EnvironmentName)
            : null;
    }

    public static void AddTo(SettingLayers layers, IReadOnlyDictionary<string, string> environment, List<string> errors)
    {
        foreach (var (name, value) in environment.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (name.StartsWith(KnownSettings.EnvironmentPrefix, StringComparison.OrdinalIgnoreCase))
                Add(layers, name, value, environment, errors);
        }
    }

    private static void Add(
        SettingLayers layers, string name, string value, IReadOnlyDictionary<string, string> environment, List<string> errors)
    {
        var key = KeyOf(name);
        if (Find(key) is { } exact)
        {
            Put(layers, exact, value, name);
            return;
        }
        if (name.EndsWith(KnownSettings.FileSuffix, StringComparison.OrdinalIgnoreCase))
        {
            var plainName = name[..^KnownSettings.FileSuffix.Length];
            if (Find(KeyOf(plainName)) is { } target)
            {
                if (environment.ContainsKey(plainName))
                    errors.Add($"{plainName} and {name} are both set; keep one of them.");
                else if (value.Length > 0 && ReadSecret(name, value, errors) is { } secret)
                    Put(layers, target, secret, name);
                return;
            }
        }
        errors.Add(Unknown(name));
    }

    private static (SettingDefinition Setting, string? Entry)? Find(string key)
    {
        if (KnownSettings.Find(key) is { } plain)
            return plain.IsMap ? null : (plain, null);
        foreach (var map in KnownSettings.All.Where(s => s.IsMap))
        {
            if (!key.StartsWith(map.Key + ":", StringComparison.OrdinalIgnoreCase))
                continue;
            var entry = key[(map.Key.Length + 1)..].ToLowerInvariant().Replace('_', '.');
            // With the suffix it names a file, unless the property itself is called so.
            return entry.EndsWith(".file", StringComparison.Ordinal) && !PropertiesNamedFile.Contains(entry, StringComparer.Ordinal)
                ? null
                : (map, entry);
        }
        return null;
    }

    private static void Put(SettingLayers layers, (SettingDefinition Setting, string? Entry) target, string value, string origin)
    {
        if (target.Entry is { } entry)
            layers.SetEntry(target.Setting, entry, value, origin);
        else if (target.Setting.IsList)
            layers.SetList(target.Setting, value.Split(',', StringSplitOptions.TrimEntries), origin);
        else
            layers.Set(target.Setting, value, origin);
    }

    private static string? ReadSecret(string name, string path, List<string> errors)
    {
        try
        {
            // Editors and `echo` end a file with a newline that is no part of the secret.
            return File.ReadAllText(path).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            errors.Add($"{name} names \"{path}\", which cannot be read ({e.Message}); mount the file or correct the path.");
            return null;
        }
    }

    private static string KeyOf(string name) =>
        name[KnownSettings.EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal);

    private static string Unknown(string name)
    {
        var nearest = NearestName.Of(name, KnownSettings.All.Select(s => s.IsMap ? s.EnvironmentName + "__PROPERTY" : s.EnvironmentName));
        return nearest is null
            ? $"{name} in the environment is no setting; unset it."
            : $"{name} in the environment is no setting; did you mean {nearest}?";
    }
}
