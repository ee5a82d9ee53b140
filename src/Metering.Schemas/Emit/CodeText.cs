using System.Text;

namespace Metering.Schemas.Emit;

/// <summary>Collects lines of C# and indents them by their braces.</summary>
internal sealed class CodeText
{
    private readonly StringBuilder _text = new();
    private int _depth;

    public CodeText Line(string line = "")
    {
        if (line.StartsWith("}", StringComparison.Ordinal))
            _depth--;
        _text.Append(' ', line.Length == 0 ? 0 : 4 * _depth).Append(line).Append('\n');
        if (line == "{")
            _depth++;
        return this;
    }

    public CodeText Lines(params string[] lines)
    {
        foreach (var line in lines)
            Line(line);
        return this;
    }

    public CodeText Doc(string? text)
    {
        if (!string.IsNullOrEmpty(text))
            Line("/// <summary>" + text!.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;") + "</summary>");
        return this;
    }

    public override string ToString() => _text.ToString();
}
