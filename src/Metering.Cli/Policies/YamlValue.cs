namespace Metering.Cli.Policies;

/// <summary>A part of a YAML document with its place: what a person wrote, before anything is made of it.</summary>
/// <param name="Line">From 1.</param>
internal abstract record YamlValue(long Line);

/// <param name="IsPlain">Without quotes: it may be a number, true, false or nothing at all.</param>
internal sealed record YamlText(string Text, bool IsPlain, long Line) : YamlValue(Line)
{
    /// <summary>Nothing was written, or YAML's word for it.</summary>
    public bool IsNothing => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";
}

internal sealed record YamlList(IReadOnlyList<YamlValue> Items, long Line) : YamlValue(Line);

internal sealed record YamlMap(IReadOnlyList<YamlField> Fields, long Line) : YamlValue(Line);

internal sealed record YamlField(string Name, YamlValue Value, long Line);
