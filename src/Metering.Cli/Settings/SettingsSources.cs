using System.Collections;

namespace Metering.Cli.Settings;

/// <summary>Where settings come from: the command line over the environment over the file over the defaults.</summary>
public sealed record SettingsSources
{
    /// <summary>Values by the setting's key, in the order given; a switch has the value <c>true</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> CommandLine { get; init; } =
        new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);

    /// <summary>All variables; those that do not begin with METERING__ are left alone.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } =
        new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>This process's environment.</summary>
    public static IReadOnlyDictionary<string, string> ProcessEnvironment()
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
            variables[(string)variable.Key] = (string?)variable.Value ?? "";
        return variables;
    }
}

/// <summary>The settings, or every error that was found.</summary>
public sealed record SettingsResult(MeteringSettings? Settings, IReadOnlyList<string> Errors);
