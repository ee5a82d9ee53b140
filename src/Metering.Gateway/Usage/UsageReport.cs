using System.Text.Json;
using Metering.Events;

namespace Metering.Gateway.Usage;

/// <summary>Tokens as a model host reports them in OpenAI's <c>usage</c>.</summary>
/// <param name="InputTokens">Includes cached ones.</param>
/// <param name="OutputTokens">Includes reasoning.</param>
internal readonly record struct UsageReport(long InputTokens, long CachedInputTokens, long OutputTokens, long ReasoningTokens)
{
    /// <summary>Reads the object on whose brace the reader stands, to its end.</summary>
    /// <returns>False when it holds no usable counts: it is then as good as missing.</returns>
    public static bool TryRead(ref Utf8JsonReader reader, out UsageReport usage)
    {
        long input = -1, output = -1, cached = 0, reasoning = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
                input = Number(ref reader);
            else if (reader.ValueTextEquals("completion_tokens"u8))
                output = Number(ref reader);
            else if (reader.ValueTextEquals("prompt_tokens_details"u8))
                cached = Detail(ref reader, "cached_tokens"u8);
            else if (reader.ValueTextEquals("completion_tokens_details"u8))
                reasoning = Detail(ref reader, "reasoning_tokens"u8);
            else
                reader.Skip();
        }
        // A host that answers nothing may leave the completion out; one that counts wrong in the details must not cost the event.
        output = Math.Max(output, 0);
        usage = new UsageReport(input, Math.Clamp(cached, 0, Math.Max(input, 0)), output, Math.Clamp(reasoning, 0, output));
        return input is >= 0 and <= EventLimits.MaxTokens && output <= EventLimits.MaxTokens;
    }

    private static long Number(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value))
            return value;
        reader.Skip();
        return -1;
    }

    private static long Detail(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return 0;
        long value = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name))
                value = Number(ref reader);
            else
                reader.Skip();
        }
        return value;
    }
}
