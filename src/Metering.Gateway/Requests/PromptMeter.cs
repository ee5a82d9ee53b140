using System.Text.Json;

namespace Metering.Gateway.Requests;

/// <summary>
/// Adds up what of a request's body a template can render (R28). A content counts the bytes of its text; what a template lays out
/// as JSON (tool calls and definitions, response formats, whatever is not known here) counts as if it were printed with
/// indentation and everything escaped that some printer escapes.
/// </summary>
internal struct PromptMeter
{
    // A line break, quotes, a colon, a comma and their spaces.
    private const int BytesPerToken = 6;
    private const int IndentBytes = 4;
    private const int EscapeBytes = 6;

    private long _bytes;
    private int _messages;
    private string? _unbounded;

    public readonly PromptBound Bound => new(_bytes, _messages, _unbounded);

    /// <summary>From the array's opening bracket to its closing one.</summary>
    public void Messages(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new BadChatRequestException("Invalid 'messages': expected an array of objects.", "messages");
            _messages++;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                OfMessage(ref reader);
        }
    }

    /// <summary>A member of the body that decides nothing: the reader stands on its name.</summary>
    public void Member(ref Utf8JsonReader reader)
    {
        if (IsNotRendered(ref reader))
        {
            reader.Skip();
            return;
        }
        var unbounded = UnboundedMember(ref reader);
        reader.Read();
        if (reader.TokenType != JsonTokenType.Null)
            _unbounded ??= unbounded;
        // A number or a switch of the sampler: no template prints it at length.
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.String)
            Json(ref reader);
    }

    private void OfMessage(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("content"u8))
        {
            reader.Read();
            Content(ref reader);
        }
        else if (reader.ValueTextEquals("role"u8))
        {
            reader.Read();
            // The constant for a message covers the roles that there are.
            if (!IsRole(ref reader))
                Text(ref reader);
        }
        else if (reader.ValueTextEquals("audio"u8))
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.Null)
                _unbounded ??= "audio";
            reader.Skip();
        }
        else
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
                Text(ref reader);
            else
                Json(ref reader);
        }
    }

    private void Content(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            if (reader.TokenType == JsonTokenType.String)
                Text(ref reader);
            else
                Json(ref reader);
            return;
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            _bytes++; // what a template puts between parts
            if (reader.TokenType == JsonTokenType.StartObject)
                Part(ref reader);
            else
                Json(ref reader);
        }
    }

    private void Part(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("text"u8) || reader.ValueTextEquals("refusal"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String)
                    Text(ref reader);
                else
                    Json(ref reader);
            }
            else
            {
                // Images, audio, files, and whatever a host may know beyond them.
                if (!reader.ValueTextEquals("type"u8) && !reader.ValueTextEquals("cache_control"u8))
                    _unbounded ??= reader.GetString();
                reader.Skip();
            }
        }
    }

    private void Text(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
            _bytes += reader.ValueIsEscaped ? UnescapedBytes(reader.ValueSpan) : reader.ValueSpan.Length;
        else
            Json(ref reader);
    }

    // A value and all in it, as JSON printed at its widest.
    private void Json(ref Utf8JsonReader reader)
    {
        var outside = reader.CurrentDepth;
        do
        {
            var printed = reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName ? PrintedBytes(reader.ValueSpan) : reader.ValueSpan.Length;
            _bytes += printed + BytesPerToken + ((long)IndentBytes * (reader.CurrentDepth - outside));
        }
        while (!(reader.CurrentDepth == outside && reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName)) && reader.Read());
    }

    /// <summary>At most: \uXXXX counts as the three bytes that it can be, also as half of a pair.</summary>
    internal static long UnescapedBytes(ReadOnlySpan<byte> raw)
    {
        long bytes = 0;
        for (var at = raw.IndexOf((byte)'\\'); at >= 0; at = raw.IndexOf((byte)'\\'))
        {
            var isUnicode = at + 1 < raw.Length && raw[at + 1] == 'u';
            bytes += at + (isUnicode ? 3 : 1);
            raw = raw[Math.Min(raw.Length, at + (isUnicode ? 6 : 2))..];
        }
        return bytes + raw.Length;
    }

    /// <summary>At most, whichever printer: some escape all that is not ASCII, some what HTML gives a meaning.</summary>
    internal static long PrintedBytes(ReadOnlySpan<byte> raw)
    {
        long bytes = 0;
        foreach (var b in raw)
        {
            bytes += b switch
            {
                >= 0x80 => EscapeBytes / 2,
                (byte)'<' or (byte)'>' or (byte)'&' or (byte)'\'' or (byte)'\\' or (byte)'"' or 0x7F => EscapeBytes,
                _ => 1,
            };
        }
        return bytes;
    }

    private static bool IsRole(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String
        && (reader.ValueTextEquals("user"u8) || reader.ValueTextEquals("assistant"u8) || reader.ValueTextEquals("system"u8)
            || reader.ValueTextEquals("tool"u8) || reader.ValueTextEquals("developer"u8) || reader.ValueTextEquals("function"u8));

    private static bool IsNotRendered(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("temperature"u8) || reader.ValueTextEquals("top_p"u8) || reader.ValueTextEquals("stop"u8)
        || reader.ValueTextEquals("seed"u8) || reader.ValueTextEquals("presence_penalty"u8) || reader.ValueTextEquals("frequency_penalty"u8)
        || reader.ValueTextEquals("logit_bias"u8) || reader.ValueTextEquals("logprobs"u8) || reader.ValueTextEquals("top_logprobs"u8)
        || reader.ValueTextEquals("metadata"u8) || reader.ValueTextEquals("store"u8) || reader.ValueTextEquals("service_tier"u8)
        || reader.ValueTextEquals("parallel_tool_calls"u8) || reader.ValueTextEquals("safety_identifier"u8)
        || reader.ValueTextEquals("prompt_cache_key"u8) || reader.ValueTextEquals("prompt_cache_retention"u8);

    // What brings tokens that no byte of the body tells of.
    private static string? UnboundedMember(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("chat_template"u8) || reader.ValueTextEquals("audio"u8) || reader.ValueTextEquals("prediction"u8)
        || reader.ValueTextEquals("web_search_options"u8) || reader.ValueTextEquals("best_of"u8)
            ? reader.GetString()
            : null;
}
