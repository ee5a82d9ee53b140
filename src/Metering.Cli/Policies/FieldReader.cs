using System.Globalization;
using System.Text.RegularExpressions;
using Metering.Cli.Prices;
using Metering.Cli.Settings;
using Metering.Core.Policies;

namespace Metering.Cli.Policies;

/// <summary>Reads the fields of one map, each as what it has to be. What is wrong is a sentence with file, line and fix, and the
/// field counts as left out, so that all errors come at once.</summary>
internal sealed partial class FieldReader
{
    private readonly string _file;
    private readonly string _where;
    private readonly List<string> _errors;
    private readonly Dictionary<string, YamlField> _fields = new(StringComparer.Ordinal);

    /// <param name="where">For people: <c>policy 'acme': limit</c>.</param>
    /// <param name="value">What should be a map.</param>
    /// <param name="known">The names of its fields; another is an error.</param>
    public FieldReader(string file, string where, YamlValue value, IReadOnlyList<string> known, List<string> errors)
    {
        (_file, _where, _errors, Line) = (file, where, errors, value.Line);
        if (value is not YamlMap map)
        {
            Refuse(value.Line, $"is {KindOf(value)}; give fields: {string.Join(", ", known)}");
            return;
        }
        foreach (var field in map.Fields)
        {
            if (known.Contains(field.Name, StringComparer.Ordinal))
                _fields.Add(field.Name, field);
            else
                Refuse(field.Line, $"{Shown.Of(field.Name)} is no field; {Meant(field.Name, known)}");
        }
    }

    public long Line { get; }

    public YamlValue? Take(string name) => _fields.GetValueOrDefault(name)?.Value;

    public long LineOf(string name) => _fields.GetValueOrDefault(name)?.Line ?? Line;

    public void Refuse(long line, string what) => _errors.Add($"{_file}: line {line}: {_where}{(_where.Length == 0 ? "" : ": ")}{what}");

    /// <summary>A text; null when it is left out.</summary>
    public string? Text(string name)
    {
        if (Take(name) is not { } value)
            return null;
        if (value is YamlText { IsNothing: false } text)
            return text.Text;
        Refuse(value.Line, $"{name} is {KindOf(value)}; give a text, or leave it out");
        return null;
    }

    /// <summary>One of some words.</summary>
    public T Word<T>(string name, Dictionary<string, T> words, T otherwise)
    {
        if (Take(name) is not { } value)
            return otherwise;
        if (value is YamlText text && words.TryGetValue(text.Text, out var found))
            return found;
        Refuse(value.Line, value is YamlText unknown ? $"{name}: {Shown.Of(unknown.Text)} is not known; {Meant(unknown.Text, [.. words.Keys])}" : $"{name} is {KindOf(value)}; give {string.Join(", ", words.Keys)}");
        return otherwise;
    }

    public bool Flag(string name)
    {
        if (Take(name) is not { } value)
            return false;
        if (value is YamlText { IsPlain: true, Text: "true" or "false" } text)
            return text.Text == "true";
        Refuse(value.Line, $"{name} is {ShownOf(value)}; give true or false");
        return false;
    }

    /// <summary>A whole number of 0 or more; null when it is left out.</summary>
    public long? Whole(string name)
    {
        if (Take(name) is not { } value)
            return null;
        if (value is YamlText { IsPlain: true } text && WholeNumber().IsMatch(text.Text)
            && long.TryParse(text.Text.Replace("_", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }
        Refuse(value.Line, $"{name} is {ShownOf(value)}; write a whole number out, such as 1000 or 1_000_000");
        return null;
    }

    /// <summary>An amount of money, exactly, as pico-USD; null when it is left out.</summary>
    public long? Usd(string name)
    {
        if (Take(name) is not { } value)
            return null;
        var isNumber = value is YamlText { IsPlain: true } text && DecimalNumber().IsMatch(text.Text);
        if (isNumber && PicoUsd.TryParse(((YamlText)value).Text.Replace("_", "", StringComparison.Ordinal), out var picoUsd, out var rounded) && !rounded)
            return picoUsd;
        Refuse(value.Line, $"{name} is {ShownOf(value)}; write an amount such as 50 or 12.50, of at most 12 decimals and 9,223,372 USD");
        return null;
    }

    /// <summary>A share, in a million; null when it is left out.</summary>
    public int? Ppm(string name)
    {
        if (Take(name) is not { } value)
            return null;
        const decimal Million = PolicyShare.Whole;
        if (value is YamlText { IsPlain: true } text && DecimalNumber().IsMatch(text.Text) && text.Text.Length < 20
            && decimal.TryParse(text.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share)
            && share * Million == decimal.Truncate(share * Million) && share * Million <= int.MaxValue)
        {
            return (int)(share * Million);
        }
        Refuse(value.Line, $"{name} is {ShownOf(value)}; write a share such as 0.8, of at most six decimals");
        return null;
    }

    /// <summary>"did you mean …?", or all there is.</summary>
    public static string Meant(string name, IReadOnlyList<string> known) =>
        NearestName.Of(name, known) is { } nearest ? $"did you mean {nearest}?" : $"give {string.Join(", ", known)}";

    public static string KindOf(YamlValue value) => value switch
    {
        YamlMap => "a map",
        YamlList => "a list",
        YamlText { IsNothing: true } => "empty",
        _ => "a text",
    };

    private static string ShownOf(YamlValue value) => value is YamlText { IsNothing: false } text ? Shown.Of(text.Text) : KindOf(value);

    [GeneratedRegex(@"^[0-9]{1,25}(_[0-9]{1,25}){0,8}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WholeNumber();

    [GeneratedRegex(@"^[0-9]{1,25}(_[0-9]{1,25}){0,8}(\.[0-9]{1,25})?\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DecimalNumber();
}
