using System.CommandLine;
using Metering.Cli.Settings;

namespace Metering.Cli.Commands;

/// <summary>The flags of all settings on one command. Values stay text here: <see cref="SettingsReader"/> checks them
/// together with the file's and the environment's, so that all errors come at once.</summary>
internal sealed class SettingOptions
{
    private readonly List<(SettingDefinition Setting, Option<bool> Option)> _switches = [];
    private readonly List<(SettingDefinition Setting, Option<string[]> Option)> _values = [];

    public SettingOptions(Command command, IReadOnlyList<SettingDefinition> shown)
    {
        foreach (var setting in KnownSettings.All)
        {
            var hidden = !setting.IsGeneral && !shown.Contains(setting);
            if (setting.IsSwitch)
            {
                var option = new Option<bool>(setting.Flag) { Description = setting.Help, Hidden = hidden };
                _switches.Add((setting, option));
                command.Options.Add(option);
            }
            else
            {
                var option = new Option<string[]>(setting.Flag)
                {
                    Description = setting.Default is null ? setting.Help : $"{setting.Help} [default: {setting.Default}]",
                    HelpName = setting.Argument,
                    Hidden = hidden,
                    Arity = ArgumentArity.OneOrMore,
                    AllowMultipleArgumentsPerToken = false,
                };
                _values.Add((setting, option));
                command.Options.Add(option);
            }
        }
    }

    /// <summary>What was given, as <see cref="SettingsSources.CommandLine"/>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Given(ParseResult parsed)
    {
        var given = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (setting, option) in _switches)
        {
            if (parsed.GetResult(option) is { Implicit: false })
                given[setting.Key] = [parsed.GetValue(option) ? "true" : "false"];
        }
        foreach (var (setting, option) in _values)
        {
            if (parsed.GetResult(option) is { Implicit: false } && parsed.GetValue(option) is { } values)
                given[setting.Key] = values;
        }
        return given;
    }
}
