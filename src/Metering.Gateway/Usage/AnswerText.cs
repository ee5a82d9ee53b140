using System.Text.Json;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Usage;

/// <summary>Collects the text that a model wrote, for answers whose host reports no usage: contents, reasoning, refusals, and the
/// names and arguments of tool calls.</summary>
internal static class AnswerText
{
    /// <summary>More than this of one answer is not kept; what is beyond it counts four bytes a token.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Of a chunk: only its deltas are looked at.</summary>
    /// <returns>Bytes of text in it; 0 = none.</returns>
    public static int CollectDeltas(ReadOnlySpan<byte> json, PooledBytes text)
    {
        var bytes = 0;
        for (var at = JsonScan.FindValue(json, "\"delta\""u8, 0); at >= 0; at = JsonScan.FindValue(json, "\"delta\""u8, at))
            bytes += Collect(json[at..], text);
        return bytes;
    }

    /// <summary>Of a whole answer: the messages of its choices.</summary>
    public static int CollectMessages(ReadOnlySpan<byte> json, PooledBytes text)
    {
        var bytes = 0;
        for (var at = JsonScan.FindValue(json, "\"message\""u8, 0); at >= 0; at = JsonScan.FindValue(json, "\"message\""u8, at))
            bytes += Collect(json[at..], text);
        return bytes;
    }

    /// <summary>All strings in the value with which the bytes begin, without those that name a role, a kind or an id.</summary>
    public static int Collect(ReadOnlySpan<byte> json, PooledBytes text)
    {
        var bytes = 0;
        // What follows the value is none of this reader's business.
        var reader = new Utf8JsonReader(json, isFinalBlock: false, default);
        try
        {
            var isText = true;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    isText = !(reader.ValueTextEquals("role"u8) || reader.ValueTextEquals("type"u8) || reader.ValueTextEquals("id"u8) || reader.ValueTextEquals("tool_call_id"u8));
                }
                else if (reader.TokenType == JsonTokenType.String && isText && !reader.ValueSpan.IsEmpty)
                {
                    bytes += Keep(ref reader, text);
                }
                if (reader.CurrentDepth == 0 && reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
                    break;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return bytes; // no JSON from here on: what was read counts
        }
        return bytes;
    }

    private static int Keep(ref Utf8JsonReader reader, PooledBytes text)
    {
        if (text.Length >= MaxBytes)
            return reader.ValueSpan.Length;
        var copied = reader.CopyString(text.GetSpan(reader.ValueSpan.Length));
        text.Advance(copied);
        return copied;
    }
}
