using System.Globalization;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>The requests that are sent: some 300 bytes, as a short question is.</summary>
internal static class ChatBody
{
    /// <summary>Tokens of an answer that comes in one piece.</summary>
    public const int WholeTokens = 64;

    private const string Messages = """
        [{"role":"system","content":"You are a helpful assistant. Answer in one paragraph."},{"role":"user","content":"Why does a proxy in front of a language model have to count tokens, and where would it get them from?"}]
        """;

    public static string Whole(string model) => string.Create(CultureInfo.InvariantCulture, $$"""{"model":"{{model}}","max_tokens":{{WholeTokens}},"messages":{{Messages}}}""");

    public static string Streamed(string model, int tokens) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"model":"{{model}}","stream":true,"max_tokens":{{tokens}},"messages":{{Messages}}}""");
}
