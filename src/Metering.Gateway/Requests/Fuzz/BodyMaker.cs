using System.Globalization;
using System.Text;

namespace Metering.Gateway.Requests.Fuzz;

/// <summary>Makes one body, by a seeded random: a chat request, nearly one, or bytes.</summary>
internal sealed class BodyMaker(Random random)
{
    private static readonly string[] Names =
    [
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "user", "tools", "functions", "response_format",
        "temperature", "Model", "MESSAGES", "max_Tokens", "metadata", "stop", "logit_bias", "", "ünï", "audio", "prediction",
    ];

    private static readonly string[] Texts = ["gpt-4o", "mock/m", "", "ü€😀", "\\u0041\\n\\\"", "\\ud800", "\\ud83d\\ude00", "data:image/png;base64,AAAA", "</s>", "text"];

    private static readonly string[] Numbers = ["0", "1", "2", "-1", "128", "129", "1e3", "1.5", "10000000000", "10000000001", "9223372036854775808", "1E400", "00", "-0"];

    private readonly StringBuilder _text = new();

    public bool Flip() => random.Next(2) == 0;

    public byte[] Make()
    {
        if (random.Next(20) == 0)
            return Bytes();
        Object(isBody: true, depth: 0);
        var body = Encoding.UTF8.GetBytes(_text.ToString());
        return random.Next(3) == 0 ? Spoil(body) : body;
    }

    private byte[] Bytes()
    {
        var bytes = new byte[random.Next(64)];
        random.NextBytes(bytes);
        return bytes;
    }

    private void Object(bool isBody, int depth)
    {
        _text.Append('{');
        var isFirst = true;
        if (isBody && random.Next(6) > 0)
        {
            _text.Append(random.Next(2) == 0 ? "\"model\":\"gpt-4o\"," : " \"model\" : \"a\\/b\" , ").Append("\"messages\":");
            Messages();
            isFirst = false;
        }
        for (var left = random.Next(6); left > 0; left--)
        {
            _text.Append(isFirst ? "" : ",").Append('"').Append(Names[random.Next(isBody ? Names.Length : 4)]).Append("\":");
            isFirst = false;
            Value(depth + 1);
        }
        _text.Append(random.Next(50) == 0 ? ",}" : "}");
    }

    private void Messages()
    {
        _text.Append('[');
        for (var i = random.Next(4); i > 0; i--)
        {
            _text.Append("{\"role\":\"user\",\"content\":");
            Value(random.Next(2));
            if (random.Next(3) == 0)
            {
                _text.Append(",\"tool_calls\":");
                Value(1);
            }
            _text.Append(i > 1 ? "}," : "}");
        }
        _text.Append(']');
    }

    private void Value(int depth)
    {
        switch (random.Next(depth > 6 ? 5 : 9))
        {
            case 0:
                _text.Append('"').Append(Texts[random.Next(Texts.Length)]).Append('"');
                break;
            case 1:
                _text.Append(Numbers[random.Next(Numbers.Length)]);
                break;
            case 2:
                _text.Append(random.Next(2) == 0 ? "true" : "false");
                break;
            case 3:
                _text.Append("null");
                break;
            case 4:
                _text.Append("{\"include_usage\":").Append(random.Next(2) == 0 ? "true" : "false").Append('}');
                break;
            case 5:
                _text.Append("[{\"type\":\"").Append(random.Next(2) == 0 ? "text" : "image_url").Append("\",\"text\":\"hi\"}]");
                break;
            case 6:
                Deep();
                break;
            case 7:
                Object(isBody: false, depth);
                break;
            default:
                Messages();
                break;
        }
    }

    private void Deep()
    {
        var depth = random.Next(random.Next(30) == 0 ? 2_000 : 12);
        _text.Append('[', depth).Append(random.Next(100).ToString(CultureInfo.InvariantCulture)).Append(']', depth);
    }

    private byte[] Spoil(byte[] body)
    {
        switch (random.Next(4))
        {
            case 0:
                return body[..random.Next(body.Length + 1)];
            case 1:
                return [.. body, .. Bytes()];
            case 2:
                var from = random.Next(body.Length);
                return [.. body[..from], .. body[random.Next(body.Length)..], .. body[from..]];
            default:
                for (var i = random.Next(1, 4); i > 0; i--)
                    body[random.Next(body.Length)] = (byte)random.Next(256);
                return body;
        }
    }
}
