using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Metering.Gateway.Streams;

namespace Metering.Gateway.MockHost;

/// <summary>The bytes of the mock's answers: what does not change is made once a request, the rest is copied.</summary>
internal sealed class MockAnswers
{
    private const int MostTokensAtOnce = 1024;
    private static readonly byte[] Words = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(" token", MostTokensAtOnce)));
    private static readonly int WordBytes = " token"u8.Length;

    private readonly byte[] _head;
    private readonly string _model;
    private readonly long _number;

    public MockAnswers(string model, long number)
    {
        _model = JsonEncodedText.Encode(model, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
        _number = number;
        _head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"data: {{\"id\":\"chatcmpl-{number}\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"{_model}\",\"choices\":["));
    }

    public static byte[] Models(IReadOnlyList<string> models) => Encoding.UTF8.GetBytes("{\"object\":\"list\",\"data\":["
        + string.Join(',', models.Select(static m => $"{{\"id\":\"{JsonEncodedText.Encode(m)}\",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"mock\"}}")) + "]}");

    public static byte[] Error(string message, string type) =>
        Encoding.UTF8.GetBytes($"{{\"error\":{{\"message\":\"{message}\",\"type\":\"{type}\",\"param\":null,\"code\":null}}}}");

    /// <param name="promptTokens">-1 leaves usage out.</param>
    /// <returns>Its bytes.</returns>
    public int WriteWhole(IBufferWriter<byte> to, long tokens, int choices, bool capped, long promptTokens)
    {
        var written = Text(to, string.Create(CultureInfo.InvariantCulture,
            $"{{\"id\":\"chatcmpl-{_number}\",\"object\":\"chat.completion\",\"created\":1767225600,\"model\":\"{_model}\",\"choices\":["));
        for (var choice = 0; choice < choices; choice++)
        {
            written += Text(to, string.Create(CultureInfo.InvariantCulture, $"{(choice > 0 ? "," : "")}{{\"index\":{choice},\"message\":{{\"role\":\"assistant\",\"content\":\""));
            written += Tokens(to, tokens);
            written += Text(to, $"\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":\"{Reason(capped)}\"}}");
        }
        written += promptTokens < 0 ? Text(to, $"]}}") : Text(to, $"],\"usage\":{Usage(promptTokens, tokens * choices)}}}");
        return written;
    }

    public void WriteChunk(IBufferWriter<byte> to, int choice, long tokens)
    {
        Index(to, choice);
        to.Put(",\"delta\":{\"content\":\""u8);
        Tokens(to, tokens);
        to.Put("\"},\"finish_reason\":null}]}\n\n"u8);
    }

    public void WriteLast(IBufferWriter<byte> to, int choice, bool capped)
    {
        Index(to, choice);
        Text(to, $",\"delta\":{{}},\"finish_reason\":\"{Reason(capped)}\"}}]}}\n\n");
    }

    public void WriteUsage(IBufferWriter<byte> to, long promptTokens, long completionTokens)
    {
        to.Put(_head);
        Text(to, $"],\"usage\":{Usage(promptTokens, completionTokens)}}}\n\n");
    }

    public static void WriteDone(IBufferWriter<byte> to) => to.Put("data: [DONE]\n\n"u8);

    private static string Reason(bool capped) => capped ? "length" : "stop";

    private static string Usage(long prompt, long completion) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{prompt + completion},\"prompt_tokens_details\":{{\"cached_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}");

    private static int Tokens(IBufferWriter<byte> to, long tokens)
    {
        for (var left = tokens; left > 0; left -= MostTokensAtOnce)
            to.Put(Words.AsSpan(0, (int)Math.Min(left, MostTokensAtOnce) * WordBytes));
        return checked((int)(tokens * WordBytes));
    }

    private void Index(IBufferWriter<byte> to, int choice)
    {
        to.Put(_head);
        to.Put("{\"index\":"u8);
        Utf8Formatter.TryFormat(choice, to.GetSpan(4), out var digits);
        to.Advance(digits);
    }

    private static int Text(IBufferWriter<byte> to, string text)
    {
        var bytes = Encoding.UTF8.GetMaxByteCount(text.Length);
        var written = Encoding.UTF8.GetBytes(text, to.GetSpan(bytes));
        to.Advance(written);
        return written;
    }
}
