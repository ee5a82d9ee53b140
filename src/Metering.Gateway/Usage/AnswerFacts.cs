using System.Text.Json;

namespace Metering.Gateway.Usage;

/// <summary>What the gateway reads of an answer, or of one chunk of it.</summary>
internal struct AnswerFacts
{
    /// <summary>Null when it has none.</summary>
    public UsageReport? Usage;

    /// <summary>The model that answered; null when it does not say.</summary>
    public string? Model;

    public string? Id;

    public long Created;

    /// <summary>It has <c>choices</c>, and there are none in it: the chunk of usage.</summary>
    public bool HasEmptyChoices;

    public bool HasError;

    /// <summary>Reads the members of the outermost object.</summary>
    /// <returns>False when it is no JSON object.</returns>
    public static bool TryRead(ReadOnlySpan<byte> json, out AnswerFacts facts)
    {
        facts = default;
        var reader = new Utf8JsonReader(json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                facts.Member(ref reader);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private void Member(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("choices"u8))
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                reader.Read();
                HasEmptyChoices = reader.TokenType == JsonTokenType.EndArray;
                while (reader.TokenType != JsonTokenType.EndArray)
                {
                    reader.Skip();
                    reader.Read();
                }
            }
        }
        else if (reader.ValueTextEquals("usage"u8))
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject && UsageReport.TryRead(ref reader, out var usage))
                Usage = usage;
        }
        else if (reader.ValueTextEquals("model"u8))
        {
            Model = Text(ref reader);
        }
        else if (reader.ValueTextEquals("id"u8))
        {
            Id = Text(ref reader);
        }
        else if (reader.ValueTextEquals("created"u8))
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var created))
                Created = created;
            else
                reader.Skip();
        }
        else if (reader.ValueTextEquals("error"u8))
        {
            reader.Read();
            HasError |= reader.TokenType == JsonTokenType.StartObject;
            reader.Skip();
        }
        else
        {
            reader.Skip();
        }
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        reader.Skip();
        return null;
    }
}
