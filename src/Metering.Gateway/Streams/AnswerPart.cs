using System.Text;
using System.Text.Json;

namespace Metering.Gateway.Streams;

/// <summary>
/// A value that is put together from the pieces of a stream: texts are joined, objects merged member by member, lists whose items
/// bear an <c>index</c> by that, others appended. What is neither is the last that came.
/// </summary>
internal sealed class AnswerPart
{
    /// <summary>Tool calls of one answer; a host that names more is broken, and they are left out.</summary>
    private const int MostIndexed = 1_024;

    /// <summary>Members that are names, not pieces of text: the first counts.</summary>
    private static readonly string[] Whole = ["id", "type", "role", "object", "finish_reason", "model", "system_fingerprint", "service_tier"];

    private StringBuilder? _text;
    private List<KeyValuePair<string, AnswerPart>>? _members;
    private List<AnswerPart>? _items;
    private JsonElement _value;

    public AnswerPart Member(string name)
    {
        foreach (var (known, part) in _members ??= [])
        {
            if (string.Equals(known, name, StringComparison.Ordinal))
                return part;
        }
        var added = new AnswerPart();
        _members.Add(new(name, added));
        return added;
    }

    /// <summary>Adds a piece. It keeps nothing of the document that it is a part of.</summary>
    /// <param name="isWhole">A text is not continued.</param>
    public void Add(JsonElement piece, bool isWhole = false)
    {
        switch (piece.ValueKind)
        {
            case JsonValueKind.String when isWhole:
                if (_text is null)
                    _text = new StringBuilder(piece.GetString());
                break;
            case JsonValueKind.String:
                (_text ??= new StringBuilder()).Append(piece.GetString());
                break;
            case JsonValueKind.Object:
                _members ??= [];
                foreach (var member in piece.EnumerateObject())
                {
                    if (member.Name != "index")
                        Member(member.Name).Add(member.Value, Array.IndexOf(Whole, member.Name) >= 0);
                }
                break;
            case JsonValueKind.Array:
                AddItems(piece);
                break;
            default:
                _value = piece.Clone();
                break;
        }
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        if (_text is not null)
        {
            json.WriteStringValue(_text.ToString());
        }
        else if (_items is not null)
        {
            json.WriteStartArray();
            foreach (var item in _items)
                item.WriteTo(json);
            json.WriteEndArray();
        }
        else if (_members is not null)
        {
            json.WriteStartObject();
            WriteMembersTo(json);
            json.WriteEndObject();
        }
        else if (_value.ValueKind == JsonValueKind.Undefined)
        {
            json.WriteNullValue();
        }
        else
        {
            _value.WriteTo(json);
        }
    }

    /// <summary>The members of an object, one of them perhaps by another name, without its braces.</summary>
    public void WriteMembersTo(Utf8JsonWriter json, (string From, string To)? rename = null)
    {
        foreach (var (name, part) in _members ?? [])
        {
            json.WritePropertyName(rename is var (from, to) && string.Equals(name, from, StringComparison.Ordinal) ? to : name);
            part.WriteTo(json);
        }
    }

    private void AddItems(JsonElement list)
    {
        _items ??= [];
        foreach (var item in list.EnumerateArray())
        {
            var at = _items.Count;
            if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty("index"u8, out var index) && (!index.TryGetInt32Safely(out at) || at is < 0 or >= MostIndexed))
                continue;
            while (_items.Count <= at)
                _items.Add(new AnswerPart());
            _items[at].Add(item);
        }
    }
}

internal static class JsonNumbers
{
    /// <summary>False for what is no number too, where the framework's own throws.</summary>
    public static bool TryGetInt32Safely(this JsonElement element, out int value)
    {
        value = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out value);
    }
}
