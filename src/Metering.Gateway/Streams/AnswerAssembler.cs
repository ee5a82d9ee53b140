using System.Buffers;
using System.Text.Json;

namespace Metering.Gateway.Streams;

/// <summary>
/// Makes one whole answer of a stream's chunks, for a client that did not ask for a stream where its host had to be streamed from so
/// that it could be cut (R28): contents, reasoning, tool calls, log probabilities, finish reasons and usage.
/// </summary>
/// <param name="choices">How many answers were asked for; others are left out.</param>
internal sealed class AnswerAssembler(int choices)
{
    private readonly AnswerPart[] _choices = new AnswerPart[choices];
    private readonly AnswerPart _rest = new();
    private JsonElement _usage;

    /// <summary>Adds what one event of the stream carries.</summary>
    /// <returns>False when it is no JSON object: the host is broken.</returns>
    public bool TryAdd(ReadOnlyMemory<byte> data)
    {
        try
        {
            using var chunk = JsonDocument.Parse(data);
            if (chunk.RootElement.ValueKind != JsonValueKind.Object)
                return false;
            foreach (var member in chunk.RootElement.EnumerateObject())
                Add(member);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Writes the answer.</summary>
    /// <param name="model">As asked for, when no chunk has named one.</param>
    /// <param name="estimated">Counts of a stream that was cut; null = those that the host reported, if it did.</param>
    public void WriteTo(IBufferWriter<byte> to, string model, (long Input, long Output)? estimated)
    {
        using var json = new Utf8JsonWriter(to);
        _rest.Member("object").Add(JsonSerializer.SerializeToElement("chat.completion", AnswerJson.Default.String), isWhole: true);
        _rest.Member("model").Add(JsonSerializer.SerializeToElement(model, AnswerJson.Default.String), isWhole: true);
        json.WriteStartObject();
        _rest.WriteMembersTo(json);
        json.WriteStartArray("choices"u8);
        for (var choice = 0; choice < _choices.Length; choice++)
            WriteChoice(json, choice);
        json.WriteEndArray();
        if (estimated is { } counts)
        {
            json.WriteStartObject("usage"u8);
            json.WriteNumber("prompt_tokens"u8, counts.Input);
            json.WriteNumber("completion_tokens"u8, counts.Output);
            json.WriteNumber("total_tokens"u8, counts.Input + counts.Output);
            json.WriteEndObject();
        }
        else if (_usage.ValueKind == JsonValueKind.Object)
        {
            json.WritePropertyName("usage"u8);
            _usage.WriteTo(json);
        }
        json.WriteEndObject();
    }

    private void Add(JsonProperty member)
    {
        if (member.NameEquals("usage"u8))
        {
            if (member.Value.ValueKind == JsonValueKind.Object)
                _usage = member.Value.Clone();
        }
        else if (member.NameEquals("choices"u8))
        {
            if (member.Value.ValueKind != JsonValueKind.Array)
                return;
            foreach (var choice in member.Value.EnumerateArray())
                AddChoice(choice);
        }
        else if (!member.NameEquals("object"u8))
        {
            // The same in each chunk: id, created, model, and what the gateway does not know.
            _rest.Member(member.Name).Add(member.Value, isWhole: true);
        }
    }

    private void AddChoice(JsonElement choice)
    {
        if (choice.ValueKind != JsonValueKind.Object)
            return;
        var index = 0;
        if (choice.TryGetProperty("index"u8, out var given) && !given.TryGetInt32Safely(out index))
            return;
        if (index < 0 || index >= _choices.Length)
            return;
        (_choices[index] ??= new AnswerPart()).Add(choice);
    }

    // A choice that was cut before its end has no reason to have finished: it is long enough.
    private void WriteChoice(Utf8JsonWriter json, int index)
    {
        var choice = _choices[index] ?? new AnswerPart();
        choice.Member("finish_reason").Add(JsonSerializer.SerializeToElement("length", AnswerJson.Default.String), isWhole: true);
        choice.Member("delta").Member("role").Add(JsonSerializer.SerializeToElement("assistant", AnswerJson.Default.String), isWhole: true);
        _ = choice.Member("delta").Member("content"); // null beside tool calls
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        choice.WriteMembersTo(json, rename: ("delta", "message"));
        json.WriteEndObject();
    }
}
