using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Gateway.Requests;

/// <summary>What the gateway changes in a chat request's body.</summary>
/// <param name="Model">Without the provider; null leaves it.</param>
/// <param name="MaxOutputTokens">For each choice; null leaves what the client gave.</param>
/// <param name="MaxTokensName">The member that carries it when the client gave none.</param>
/// <param name="IncludesUsage">The stream is to end with a chunk of usage.</param>
/// <param name="Streams">The host is asked for a stream, though the client did not ask for one.</param>
internal readonly record struct ChatChanges(string? Model, long? MaxOutputTokens, string MaxTokensName, bool IncludesUsage, bool Streams = false);

/// <summary>Writes a chat request's body anew by copying what stays and putting in what changes: no second parse, and what the
/// gateway does not know passes as it came.</summary>
internal static class ChatRewriter
{
    private const int MaxEdits = 5;

    /// <summary>The body as the upstream gets it, in place of the old one, which is given back; the same one when nothing changes.</summary>
    /// <param name="messages">Where the messages stand in it.</param>
    public static PooledBytes Apply(PooledBytes body, ChatRequest request, in ChatChanges changes, out BodyRange messages)
    {
        var places = request.Places;
        messages = places.Messages;
        if (changes is { Model: null, MaxOutputTokens: null, Streams: false } && (!changes.IncludesUsage || request.WantsUsage))
            return body;
        Span<Edit> edits = new Edit[MaxEdits];
        var count = 0;
        var inserted = "";
        if (changes.Model is { } model)
            edits[count++] = new Edit(places.Model, $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(model)}\"");
        if (changes.MaxOutputTokens is { } most)
        {
            var number = most.ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (places.MaxTokens.IsThere)
                edits[count++] = new Edit(places.MaxTokens, number);
            if (places.MaxCompletionTokens.IsThere)
                edits[count++] = new Edit(places.MaxCompletionTokens, number);
            if (!places.MaxTokens.IsThere && !places.MaxCompletionTokens.IsThere)
                inserted = $"\"{changes.MaxTokensName}\":{number},";
        }
        if (changes.Streams && places.Stream.IsThere)
            edits[count++] = new Edit(places.Stream, "true");
        else if (changes.Streams)
            inserted += "\"stream\":true,";
        if (changes.IncludesUsage && !request.WantsUsage)
        {
            if (places.StreamOptions.IsThere)
                edits[count++] = OfStreamOptions(body.Span, places);
            else
                inserted += "\"stream_options\":{\"include_usage\":true},";
        }
        edits[..count].Sort(static (a, b) => a.Range.Start.CompareTo(b.Range.Start));
        var rewritten = new PooledBytes(body.Length + inserted.Length + 256);
        var shift = inserted.Length;
        foreach (var edit in edits[..count])
            shift += edit.Range.Start < messages.Start ? Encoding.UTF8.GetByteCount(edit.Text) - (edit.Range.End - edit.Range.Start) : 0;
        messages = new BodyRange(messages.Start + shift, messages.End + shift);
        Write(rewritten, body.Span, places.Inside, inserted, edits[..count]);
        body.Dispose();
        return rewritten;
    }

    private static Edit OfStreamOptions(ReadOnlySpan<byte> body, in ChatPlaces places)
    {
        if (places.IncludeUsage.IsThere)
            return new Edit(places.IncludeUsage, "true");
        var options = places.StreamOptions;
        if (body[options.Start] != (byte)'{')
            return new Edit(options, "{\"include_usage\":true}");
        var inside = new BodyRange(options.Start + 1, options.Start + 1);
        return new Edit(inside, places.StreamOptionsHasMembers ? "\"include_usage\":true," : "\"include_usage\":true");
    }

    private static void Write(PooledBytes to, ReadOnlySpan<byte> body, int inside, string inserted, ReadOnlySpan<Edit> edits)
    {
        to.Write(body[..inside]);
        Text(to, inserted);
        var from = inside;
        foreach (var edit in edits)
        {
            to.Write(body[from..edit.Range.Start]);
            Text(to, edit.Text);
            from = edit.Range.End;
        }
        to.Write(body[from..]);
    }

    private static void Text(PooledBytes to, string text) => to.Advance(Encoding.UTF8.GetBytes(text, to.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length))));

    private readonly record struct Edit(BodyRange Range, string Text);
}
