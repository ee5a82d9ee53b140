using System.Text.Json;

namespace Metering.Cli.Replay;

/// <summary>Reads one line's JSON object and turns what is wrong with it into an error with line and column.</summary>
internal static class JsonLine
{
    /// <summary>A reader that stands before the object's first property.</summary>
    public static Utf8JsonReader Open(LineReader lines)
    {
        var reader = new Utf8JsonReader(lines.Current.Span, new JsonReaderOptions { MaxDepth = 16 });
        if (!Read(lines, ref reader) || reader.TokenType != JsonTokenType.StartObject)
            throw Error(lines, ref reader, "expected a JSON object");
        return reader;
    }

    /// <summary>Goes to the next token; the line's end is false.</summary>
    public static bool Read(LineReader lines, ref Utf8JsonReader reader)
    {
        try
        {
            return reader.Read();
        }
        catch (JsonException e)
        {
            throw lines.Error((e.BytePositionInLine ?? 0) + 1, $"is no JSON: {e.Message}");
        }
    }

    /// <summary>Goes to the next property's value and gives its name; false at the object's end.</summary>
    public static bool NextProperty(LineReader lines, ref Utf8JsonReader reader, out string name)
    {
        name = "";
        Read(lines, ref reader);
        if (reader.TokenType == JsonTokenType.EndObject)
        {
            if (Read(lines, ref reader))
                throw Error(lines, ref reader, "expected the line's end");
            return false;
        }
        name = Text(lines, ref reader, "a field's name");
        Read(lines, ref reader);
        return true;
    }

    /// <summary>Skips a value of any kind.</summary>
    public static void Skip(LineReader lines, ref Utf8JsonReader reader)
    {
        var depth = reader.CurrentDepth;
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            return;
        while (Read(lines, ref reader) && reader.CurrentDepth > depth)
        {
        }
    }

    /// <summary>A whole number in a range.</summary>
    public static long Whole(LineReader lines, ref Utf8JsonReader reader, string name, long least = 0, long most = long.MaxValue)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) && value >= least && value <= most)
            return value;
        throw Error(lines, ref reader, $"{name}: expected a whole number of {least} or more{(most == long.MaxValue ? "" : $", at most {most}")}");
    }

    /// <summary>A string.</summary>
    public static string Text(LineReader lines, ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName))
            throw Error(lines, ref reader, $"{name}: expected a string");
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // What GetString throws for bytes that are no UTF-8 and for lone surrogates in escapes.
            throw Error(lines, ref reader, $"{name}: the string is no valid UTF-8");
        }
    }

    /// <summary>An error at the current token.</summary>
    public static TraceException Error(LineReader lines, ref Utf8JsonReader reader, string message) =>
        lines.Error(reader.TokenStartIndex + 1, message);
}
