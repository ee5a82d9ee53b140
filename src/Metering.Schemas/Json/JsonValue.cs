using System.Globalization;
using System.Text;

namespace Metering.Schemas.Json;

/// <summary>A parsed JSON value. Members keep their order, for a schema's field order is its meaning.</summary>
internal sealed class JsonValue
{
    public JsonKind Kind { get; private set; }

    /// <summary>A string's content, or a number as it was written.</summary>
    public string Text { get; private set; } = "";

    public List<JsonValue> Items { get; } = new();

    public List<KeyValuePair<string, JsonValue>> Members { get; } = new();

    public static JsonValue Of(JsonKind kind, string text = "") => new() { Kind = kind, Text = text };

    public static JsonValue String(string text) => Of(JsonKind.String, text);

    public JsonValue? Find(string name)
    {
        foreach (var member in Members)
        {
            if (member.Key == name)
                return member.Value;
        }
        return null;
    }

    public string? FindText(string name) => Find(name) is { Kind: JsonKind.String } value ? value.Text : null;

    public override string ToString()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    private void Write(StringBuilder text)
    {
        switch (Kind)
        {
            case JsonKind.Object:
                text.Append('{');
                for (var i = 0; i < Members.Count; i++)
                {
                    WriteString(text.Append(i == 0 ? "" : ","), Members[i].Key);
                    Members[i].Value.Write(text.Append(':'));
                }
                text.Append('}');
                break;
            case JsonKind.Array:
                text.Append('[');
                for (var i = 0; i < Items.Count; i++)
                    Items[i].Write(text.Append(i == 0 ? "" : ","));
                text.Append(']');
                break;
            case JsonKind.String:
                WriteString(text, Text);
                break;
            case JsonKind.Null:
                text.Append("null");
                break;
            default:
                text.Append(Text);
                break;
        }
    }

    private static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\')
                text.Append('\\').Append(c);
            else if (c < ' ')
                text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else
                text.Append(c);
        }
        text.Append('"');
    }
}

internal enum JsonKind
{
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}
