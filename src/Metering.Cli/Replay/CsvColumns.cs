using System.Globalization;
using System.Text;

namespace Metering.Cli.Replay;

/// <summary>
/// Comma-separated rows by the names in their header. The traces hold numbers and plain names: no quotes, no commas
/// inside a field, and a row that has them is refused with its place.
/// </summary>
internal sealed class CsvColumns
{
    private readonly LineReader _lines;
    private readonly int[] _columns;
    private readonly string[] _names;
    private readonly Range[] _fields;
    private readonly int _width;

    /// <summary>Reads the header and finds the wanted columns, in whatever order they stand.</summary>
    /// <exception cref="TraceException">A column is missing.</exception>
    public CsvColumns(LineReader lines, params string[] names)
    {
        (_lines, _names) = (lines, names);
        if (!lines.MoveNext())
            throw new TraceException(lines.File, "is empty");
        var header = HeaderOf(lines.Current.Span);
        _width = header.Length;
        _fields = new Range[_width + 1];
        _columns = [.. names.Select(name => Array.IndexOf(header, name))];
        var missing = Array.IndexOf(_columns, -1);
        if (missing >= 0)
            throw lines.Error(1, $"has no column {names[missing]}; it has {string.Join(", ", header)}");
    }

    /// <summary>The names in a header line.</summary>
    public static string[] HeaderOf(ReadOnlySpan<byte> line) => Encoding.UTF8.GetString(line).Split(',', StringSplitOptions.TrimEntries);

    /// <summary>Goes to the next row.</summary>
    public bool MoveNext()
    {
        if (!_lines.MoveNext())
            return false;
        var count = 0;
        var from = 0;
        var line = _lines.Current.Span;
        while (true)
        {
            var comma = line[from..].IndexOf((byte)',');
            var to = comma < 0 ? line.Length : from + comma;
            if (count < _fields.Length)
                _fields[count] = from..to;
            count++;
            if (comma < 0)
                break;
            from = to + 1;
        }
        if (count != _width)
            throw _lines.Error(1, $"has {count} fields; the header has {_width}");
        return true;
    }

    /// <summary>The field's bytes.</summary>
    public ReadOnlySpan<byte> this[int name] => _lines.Current.Span[_fields[_columns[name]]].Trim((byte)' ');

    /// <summary>A whole number of 0 or more.</summary>
    public long Count(int name) =>
        long.TryParse(this[name], NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Error(name, "a whole number of 0 or more");

    /// <summary>A finite number of 0 or more; for parameters of distributions.</summary>
    public double Parameter(int name) =>
        double.TryParse(this[name], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && value >= 0
            ? value
            : throw Error(name, "a number of 0 or more");

    /// <summary>The field as text.</summary>
    public string Text(int name) => Encoding.UTF8.GetString(this[name]);

    /// <summary>An error at a field.</summary>
    public TraceException Error(int name, string expected)
    {
        var text = Text(name);
        return _lines.Error(_fields[_columns[name]].Start.Value + 1, $"{_names[name]} is '{(text.Length <= 60 ? text : text[..60] + "…")}'; expected {expected}");
    }
}
