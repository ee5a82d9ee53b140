using System.Text.Json;

namespace Metering.Gateway.MockHost;

/// <summary>What the mock reads of a chat request.</summary>
internal struct MockRequest
{
    public string Model;
    public bool Streams;
    public bool IncludesUsage;
    public long? MaxTokens;
    public int Choices;

    /// <summary>Four tokens for each message, and one for four bytes of text in all of them.</summary>
    public long PromptTokens;

    /// <exception cref="JsonException">It is no JSON object, or a member has the wrong type.</exception>
    public static MockRequest Parse(ReadOnlySpan<byte> body)
    {
        var request = new MockRequest { Model = "mock-model", Choices = 1 };
        var reader = new Utf8JsonReader(body);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new JsonException("the body is no JSON object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                request.Member(ref reader);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e);
        }
        return request;
    }

    private void Member(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("model"u8))
            Model = Next(ref reader).GetString() ?? Model;
        else if (reader.ValueTextEquals("stream"u8))
            Streams = IsTrue(ref reader);
        else if (reader.ValueTextEquals("stream_options"u8))
            StreamOptions(ref reader);
        else if (reader.ValueTextEquals("max_tokens"u8) || reader.ValueTextEquals("max_completion_tokens"u8))
            MaxTokens = Next(ref reader).TokenType == JsonTokenType.Null ? MaxTokens : reader.GetInt64();
        else if (reader.ValueTextEquals("n"u8))
            Choices = Next(ref reader).TokenType == JsonTokenType.Null ? Choices : Math.Clamp(reader.GetInt32(), 1, 128);
        else if (reader.ValueTextEquals("messages"u8))
            Messages(ref reader);
        else
            reader.Skip();
    }

    private void StreamOptions(ref Utf8JsonReader reader)
    {
        if (Next(ref reader).TokenType != JsonTokenType.StartObject)
            return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("include_usage"u8))
                IncludesUsage = IsTrue(ref reader);
            else
                reader.Skip();
        }
    }

    private void Messages(ref Utf8JsonReader reader)
    {
        Next(ref reader);
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }
        var depth = reader.CurrentDepth;
        long messages = 0;
        long bytes = 0;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType == JsonTokenType.String)
                bytes += reader.ValueSpan.Length;
            else if (reader.TokenType == JsonTokenType.StartObject && reader.CurrentDepth == depth + 1)
                messages++;
        }
        PromptTokens = (4 * messages) + ((bytes + 3) / 4);
    }

    private static bool IsTrue(ref Utf8JsonReader reader) => Next(ref reader).TokenType == JsonTokenType.True;

    private static ref Utf8JsonReader Next(ref Utf8JsonReader reader)
    {
        reader.Read();
        return ref reader;
    }
}
