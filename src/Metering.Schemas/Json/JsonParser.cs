using System.Globalization;
using System.Text;

namespace Metering.Schemas.Json;

/// <summary>
/// A strict JSON parser. An analyzer cannot bring dependencies of its own, so the generator has this small one.
/// </summary>
internal sealed class JsonParser
{
    private const int MaxDepth = 64;

    private readonly string _text;
    private int _position;
    private int _depth;

    private JsonParser(string text) => _text = text;

    /// <exception cref="SchemaException">The text is not one JSON value; the message names the line.</exception>
    public static JsonValue Parse(string text)
    {
        var parser = new JsonParser(text);
        var value = parser.ReadValue();
        parser.SkipSpace();
        return parser._position == text.Length ? value : throw parser.Error("something follows the schema");
    }

    private JsonValue ReadValue()
    {
        SkipSpace();
        if (_position == _text.Length)
            throw Error("the text ends where a value is expected");
        if (++_depth > MaxDepth)
            throw Error("nested more than 64 deep");
        var value = _text[_position] switch
        {
            '{' => ReadObject(),
            '[' => ReadArray(),
            '"' => JsonValue.String(ReadString()),
            't' => ReadWord("true", JsonKind.Boolean),
            'f' => ReadWord("false", JsonKind.Boolean),
            'n' => ReadWord("null", JsonKind.Null),
            _ => ReadNumber(),
        };
        _depth--;
        return value;
    }

    private JsonValue ReadObject()
    {
        var value = JsonValue.Of(JsonKind.Object);
        _position++;
        if (TryTake('}'))
            return value;
        do
        {
            SkipSpace();
            if (_position == _text.Length || _text[_position] != '"')
                throw Error("a member's name is expected");
            var name = ReadString();
            if (value.Find(name) is not null)
                throw Error($"member '{name}' appears twice");
            if (!TryTake(':'))
                throw Error("':' is expected");
            value.Members.Add(new KeyValuePair<string, JsonValue>(name, ReadValue()));
        }
        while (TryTake(','));
        return TryTake('}') ? value : throw Error("',' or '}' is expected");
    }

    private JsonValue ReadArray()
    {
        var value = JsonValue.Of(JsonKind.Array);
        _position++;
        if (TryTake(']'))
            return value;
        do
        {
            value.Items.Add(ReadValue());
        }
        while (TryTake(','));
        return TryTake(']') ? value : throw Error("',' or ']' is expected");
    }

    private string ReadString()
    {
        var text = new StringBuilder();
        for (_position++; _position < _text.Length; _position++)
        {
            var c = _text[_position];
            if (c == '"')
            {
                _position++;
                return text.ToString();
            }
            if (c < ' ')
                throw Error("a control character stands in a string");
            text.Append(c == '\\' ? ReadEscape() : c);
        }
        throw Error("a string does not end");
    }

    private char ReadEscape()
    {
        _position++;
        if (_position >= _text.Length)
            throw Error("a string does not end");
        var at = "\"\\/bfnrt".IndexOf(_text[_position]);
        if (at >= 0)
            return "\"\\/\b\f\n\r\t"[at];
        if (_text[_position] != 'u' || _position + 4 >= _text.Length
            || !ushort.TryParse(_text.Substring(_position + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            throw Error("a bad escape stands in a string");
        _position += 4;
        return (char)code;
    }

    private JsonValue ReadWord(string word, JsonKind kind)
    {
        if (string.CompareOrdinal(_text, _position, word, 0, word.Length) != 0)
            throw Error($"'{word}' is expected");
        _position += word.Length;
        return JsonValue.Of(kind, word);
    }

    private JsonValue ReadNumber()
    {
        var start = _position;
        while (_position < _text.Length && "+-.eE0123456789".IndexOf(_text[_position]) >= 0)
            _position++;
        var number = _text.Substring(start, _position - start);
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            ? JsonValue.Of(JsonKind.Number, number)
            : throw Error("a value is expected");
    }

    private bool TryTake(char c)
    {
        SkipSpace();
        if (_position == _text.Length || _text[_position] != c)
            return false;
        _position++;
        return true;
    }

    private void SkipSpace()
    {
        while (_position < _text.Length && " \t\r\n".IndexOf(_text[_position]) >= 0)
            _position++;
    }

    private SchemaException Error(string what)
    {
        var line = 1;
        for (var i = 0; i < _position && i < _text.Length; i++)
            line += _text[i] == '\n' ? 1 : 0;
        return new SchemaException($"line {line.ToString(CultureInfo.InvariantCulture)}: {what}");
    }
}
