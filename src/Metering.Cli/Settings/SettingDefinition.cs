namespace Metering.Cli.Settings;

/// <summary>One setting: how it is named on the command line, in the environment and in the configuration file.</summary>
/// <param name="Key">Its path in the file, parts joined by a colon: <c>kafka:topic_prefix</c>.</param>
/// <param name="Flag">On the command line: <c>--topic-prefix</c>.</param>
/// <param name="Argument">What stands for its value in the help; empty for a switch.</param>
/// <param name="Help">One sentence for the help.</param>
public sealed record SettingDefinition(string Key, string Flag, string Argument, string Help)
{
    /// <summary>Shown in the help; the records of settings hold the value itself.</summary>
    public string? Default { get; init; }

    /// <summary>True or false; on the command line the flag alone means true.</summary>
    public bool IsSwitch { get; init; }

    /// <summary>May be given several times; the file takes a list (or, for KEY=VALUE settings, an object).</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>Its values are KEY=VALUE; in the environment the key is the last part of the variable's name.</summary>
    public bool IsMap { get; init; }

    /// <summary>Several plain values: a layer's list replaces the one below it as a whole; joined by commas in the environment.</summary>
    public bool IsList => IsRepeatable && !IsMap;

    /// <summary>A flag that every command shows in its help.</summary>
    public bool IsGeneral { get; init; }

    /// <summary>In the environment: <c>METERING__KAFKA__TOPIC_PREFIX</c>.</summary>
    public string EnvironmentName { get; } =
        KnownSettings.EnvironmentPrefix + Key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();

    /// <summary>All its names, for messages.</summary>
    public string Names => $"{Flag} ({EnvironmentName}, {Key} in the file)";
}
