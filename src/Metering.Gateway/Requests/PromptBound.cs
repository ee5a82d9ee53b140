namespace Metering.Gateway.Requests;

/// <summary>
/// The tokens of a prompt at worst (R28): no token is less than a byte, so the UTF-8 bytes of all that a template can render
/// bound them, with a constant for what the template adds to each message and once to the whole.
/// </summary>
/// <param name="TextBytes">UTF-8 bytes of contents, names, tool calls and tool definitions, as a template may lay them out.</param>
/// <param name="Messages">How many messages there are.</param>
/// <param name="UnboundedPart">The first part whose tokens its bytes do not bound: an image, audio, a file, a template of the client's; null = none.</param>
public readonly record struct PromptBound(long TextBytes, int Messages, string? UnboundedPart)
{
    /// <summary>Unless the model's entry says otherwise.</summary>
    public const int TokensPerMessage = 8;

    /// <summary>Unless the model's entry says more.</summary>
    public const int TokensPerTemplate = 24;

    /// <summary>Everything is bounded.</summary>
    public bool IsBounded => UnboundedPart is null;

    /// <summary>The worst case, with the model's own constants where it has some.</summary>
    public long Tokens(int perMessage = TokensPerMessage, int perTemplate = TokensPerTemplate) => TextBytes + ((long)Messages * perMessage) + perTemplate;

    /// <summary>A guess from the bytes alone, for what must be said before anything is counted: four bytes a token.</summary>
    public long GuessedTokens => ((TextBytes + 3) / 4) + (4L * Messages) + 3;
}
