using System.Text;
using Metering.Gateway.Requests;
using Microsoft.ML.Tokenizers;

namespace Metering.Gateway.Usage;

/// <summary>
/// Counts tokens by o200k for hosts that report none. Its tables take a second and some 100 MB to load: that happens at the first
/// use, and never on a thread that serves sockets.
/// </summary>
internal sealed class TokenCounter
{
    private const int BytesPerToken = 4;
    private const int TokensPerMessage = 4;
    private const int TokensPerReply = 3;

    private readonly Lazy<Tokenizer> _tokenizer = new(static () => TiktokenTokenizer.CreateForEncoding("o200k_base"));

    /// <summary>Of a text.</summary>
    /// <param name="utf8">The part that was kept.</param>
    /// <param name="bytes">Of the whole.</param>
    public long Count(ReadOnlySpan<byte> utf8, long bytes)
    {
        if (bytes == 0)
            return 0;
        var beyond = Math.Max(0, bytes - utf8.Length);
        return (utf8.IsEmpty ? 0 : _tokenizer.Value.CountTokens(Encoding.UTF8.GetString(utf8))) + ((beyond + BytesPerToken - 1) / BytesPerToken);
    }

    /// <summary>Of a prompt: its texts by the tokenizer, its tools by their bytes, and OpenAI's constants for the template.</summary>
    public long CountPrompt(ReadOnlySpan<byte> messages, in PromptBound prompt)
    {
        using var text = new PooledBytes(messages.Length);
        var bytes = AnswerText.Collect(messages, text);
        var others = Math.Max(0, prompt.TextBytes - bytes);
        return Count(text.Span, bytes) + (others / BytesPerToken) + ((long)prompt.Messages * TokensPerMessage) + TokensPerReply;
    }
}
