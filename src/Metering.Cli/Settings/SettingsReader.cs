namespace Metering.Cli.Settings;

/// <summary>Reads and checks all settings at once, so that a person mends everything in one go.</summary>
public static class SettingsReader
{
    /// <summary>Never throws for what was given: whatever is wrong is a sentence that names the setting, its value and the fix.</summary>
    public static SettingsResult Read(SettingsSources sources)
    {
        var errors = new List<string>();
        var layers = new SettingLayers();

        if (EnvironmentSettings.ConfigFile(sources) is { } file)
            FileSettings.AddTo(layers, file, errors);
        EnvironmentSettings.AddTo(layers, sources.Environment, errors);
        AddCommandLine(layers, sources.CommandLine, errors);

        var settings = new SettingsBinder(layers, errors).Bind();
        return new SettingsResult(errors.Count == 0 ? settings : null, errors);
    }

    private static void AddCommandLine(
        SettingLayers layers, IReadOnlyDictionary<string, IReadOnlyList<string>> commandLine, List<string> errors)
    {
        foreach (var (key, values) in commandLine)
        {
            var setting = KnownSettings.Find(key) ?? throw new ArgumentException($"{key} is no setting", nameof(commandLine));
            if (!setting.IsRepeatable && values.Count > 1)
                errors.Add($"{setting.Flag} is given {values.Count} times; give it once.");
            if (setting.IsList)
                layers.SetList(setting, values, setting.Flag);
            foreach (var value in values)
            {
                if (setting.IsList && value.Length > 0)
                    continue;
                if (setting.IsMap)
                    AddEntry(layers, setting, value, errors);
                else if (value.Length == 0)
                    errors.Add($"{setting.Flag} is empty; give {setting.Argument} or leave the flag out.");
                else
                    layers.Set(setting, value, setting.Flag);
            }
        }
    }

    private static void AddEntry(SettingLayers layers, SettingDefinition setting, string pair, List<string> errors)
    {
        var equals = pair.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0)
            layers.SetEntry(setting, pair[..equals].Trim(), pair[(equals + 1)..], setting.Flag);
        else if (equals < 0)
            errors.Add($"{setting.Flag} \"{pair}\" has no equals sign; write KEY=VALUE, for example {setting.Flag} security.protocol=sasl_plaintext.");
        else
            // The value stays unprinted: it may be a password whose key was forgotten.
            errors.Add($"{setting.Flag} has a value without a key; write KEY=VALUE, for example {setting.Flag} security.protocol=sasl_plaintext.");
    }
}
