using System.Buffers;
using System.Text.Json;

namespace Metering.Gateway.Streams;

/// <summary>The end of a stream that the gateway cuts, so that clients see an answer that was long enough: <c>finish_reason</c>
/// <c>length</c> for every choice that has none, usage if it was asked for, and <c>[DONE]</c>.</summary>
internal static class CutChunks
{
    /// <param name="to">Behind the last event that passed.</param>
    /// <param name="stream">What has been seen of it.</param>
    /// <param name="model">As asked for, when no chunk has named one.</param>
    /// <param name="choices">How many were asked for.</param>
    /// <param name="usage">Counts for the chunk of usage; null when the client wants none.</param>
    public static void Write(IBufferWriter<byte> to, StreamObserver stream, string model, int choices, (long Input, long Output)? usage)
    {
        using var json = new Utf8JsonWriter(to);
        for (var choice = 0; choice < choices; choice++)
        {
            if (stream.IsFinishedChoice(choice))
                continue;
            Begin(to, json, stream, model);
            json.WriteStartObject();
            json.WriteNumber("index"u8, choice);
            json.WriteStartObject("delta"u8);
            json.WriteEndObject();
            json.WriteString("finish_reason"u8, "length"u8);
            json.WriteEndObject();
            json.WriteEndArray();
            End(to, json);
        }
        if (usage is { } counts)
        {
            Begin(to, json, stream, model);
            json.WriteEndArray();
            json.WriteStartObject("usage"u8);
            json.WriteNumber("prompt_tokens"u8, counts.Input);
            json.WriteNumber("completion_tokens"u8, counts.Output);
            json.WriteNumber("total_tokens"u8, counts.Input + counts.Output);
            json.WriteEndObject();
            End(to, json);
        }
        to.Put("data: [DONE]\n\n"u8);
    }

    private static void Begin(IBufferWriter<byte> to, Utf8JsonWriter json, StreamObserver stream, string model)
    {
        to.Put("data: "u8);
        json.Reset(to);
        json.WriteStartObject();
        json.WriteString("id"u8, stream.Id ?? "chatcmpl-cut");
        json.WriteString("object"u8, "chat.completion.chunk"u8);
        json.WriteNumber("created"u8, stream.Created);
        json.WriteString("model"u8, stream.Model ?? model);
        json.WriteStartArray("choices"u8);
    }

    private static void End(IBufferWriter<byte> to, Utf8JsonWriter json)
    {
        json.WriteEndObject();
        json.Flush();
        to.Put("\n\n"u8);
    }
}
