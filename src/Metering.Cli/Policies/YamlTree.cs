using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Metering.Cli.Policies;

/// <summary>Builds the tree of one YAML document of maps, lists and texts. Bounded, whatever it is given: no aliases, which can
/// make a small file a huge one, and no tags, which name types.</summary>
internal sealed class YamlTree
{
    /// <summary>Of a file, in characters.</summary>
    public const int MaxLength = 4 << 20;

    private const int MaxDepth = 16;
    private const int MaxValues = 500_000;

    private readonly Parser _parser;
    private int _values;

    private YamlTree(string text) => _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));

    /// <summary>The document's root; null when there is no document.</summary>
    /// <exception cref="YamlTreeException">It is no YAML, or more than is read; the message begins with the line.</exception>
    public static YamlValue? Read(string text)
    {
        if (text.Length > MaxLength)
            throw new YamlTreeException($"has {text.Length} characters; at most {MaxLength} are read");
        try
        {
            return new YamlTree(text).ReadDocument();
        }
        catch (YamlException error)
        {
            throw TabLineOf(text) is { } line
                ? new YamlTreeException($"line {line}: is no YAML: a tab stands before its first word; indent with spaces")
                : new YamlTreeException($"line {error.End.Line}: is no YAML: {error.InnerException?.Message ?? error.Message}");
        }
    }

    // The most common slip, and the one that the scanner's own words help least with.
    private static int? TabLineOf(string text)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line[..(line.Length - line.TrimStart().Length)].Contains('\t'))
                return number;
        }
        return null;
    }

    private YamlValue? ReadDocument()
    {
        Next();
        if (Next() is StreamEnd)
            return null;
        Next();
        var root = ReadValue(0);
        Next();
        return Next() is StreamEnd ? root : throw At(Current, "a second document begins; a file holds one");
    }

    // The parser stands at the value's first event, and at its last when it is read.
    private YamlValue ReadValue(int depth)
    {
        if (depth > MaxDepth)
            throw At(Current, $"is nested deeper than {MaxDepth}");
        if (++_values > MaxValues)
            throw At(Current, $"more than {MaxValues} values");
        if (Current is AnchorAlias alias)
            throw At(Current, $"*{alias.Value} is an alias; aliases are not read, write it out");
        if (Current is NodeEvent node && !(node.Anchor.IsEmpty && node.Tag.IsEmpty))
            throw At(Current, "anchors and tags are not read; leave them out");
        return Current switch
        {
            Scalar scalar => new YamlText(scalar.Value, scalar.Style == ScalarStyle.Plain, LineOf(scalar)),
            SequenceStart start => ReadList(start, depth),
            MappingStart start => ReadMap(start, depth),
            var other => throw At(other, "is no value"),
        };
    }

    private YamlList ReadList(SequenceStart start, int depth)
    {
        var items = new List<YamlValue>();
        while (Next() is not SequenceEnd)
            items.Add(ReadValue(depth + 1));
        return new YamlList(items, LineOf(start));
    }

    private YamlMap ReadMap(MappingStart start, int depth)
    {
        var fields = new List<YamlField>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (Next() is not MappingEnd)
        {
            if (ReadValue(depth + 1) is not YamlText name)
                throw At(Current, "a field's name is a list or a map; give a word");
            if (!names.Add(name.Text))
                throw new YamlTreeException($"line {name.Line}: {Shown.Of(name.Text)} stands twice in one place; keep one");
            Next();
            fields.Add(new YamlField(name.Text, ReadValue(depth + 1), name.Line));
        }
        return new YamlMap(fields, LineOf(start));
    }

    private ParsingEvent Current => _parser.Current!;

    private ParsingEvent Next()
    {
        var before = _parser.Current;
        try
        {
            return _parser.MoveNext() ? Current : throw new YamlTreeException("ends in the middle");
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or FormatException or OverflowException)
        {
            // The scanner's words for some texts that it cannot go on from.
            throw new YamlTreeException($"line {before?.End.Line ?? 1}: is no YAML from here on");
        }
    }

    private static long LineOf(ParsingEvent at) => at.Start.Line;

    private static YamlTreeException At(ParsingEvent at, string what) => new($"line {LineOf(at)}: {what}");
}

/// <summary>A file that is no YAML of ours.</summary>
internal sealed class YamlTreeException(string message) : Exception(message);

/// <summary>What somebody wrote, short enough for a message and without control characters.</summary>
internal static class Shown
{
    private const int MaxLength = 60;

    public static string Of(string text)
    {
        var isShort = text.Length <= MaxLength;
        var start = string.Concat((isShort ? text : text[..MaxLength]).Select(static c => char.IsControl(c) ? '?' : c));
        return $"'{start}{(isShort ? "" : "…")}'";
    }
}
