namespace Metering.Gateway.Requests;

/// <summary>What the gateway needs of a chat request's body, and where in the body it stands.</summary>
internal sealed class ChatRequest
{
    /// <summary>As asked for, with a provider before it if the client named one.</summary>
    public required string Model { get; init; }

    public required bool Streams { get; init; }

    /// <summary>The client wants the chunk with usage.</summary>
    public required bool WantsUsage { get; init; }

    /// <summary>1 to 128.</summary>
    public required int Choices { get; init; }

    /// <summary>Tokens for each choice, the larger one where the client gave both names; null = none given.</summary>
    public required long? MaxOutputTokens { get; init; }

    public required string? User { get; init; }

    public required PromptBound Prompt { get; init; }

    public required ChatPlaces Places { get; init; }
}

/// <summary>A part of the body; empty when the body does not have it.</summary>
internal readonly record struct BodyRange(int Start, int End)
{
    public bool IsThere => End > Start;
}

/// <summary>Where in the body the values stand that the gateway may have to change.</summary>
internal struct ChatPlaces
{
    /// <summary>Behind the body's opening brace.</summary>
    public int Inside;

    public BodyRange Model;
    public BodyRange MaxTokens;
    public BodyRange MaxCompletionTokens;

    /// <summary>The whole value: an object or null.</summary>
    public BodyRange StreamOptions;

    /// <summary>The value of include_usage in it.</summary>
    public BodyRange IncludeUsage;

    /// <summary>The object has members.</summary>
    public bool StreamOptionsHasMembers;

    public BodyRange Messages;
    public BodyRange Stream;
}

/// <summary>The body is no chat request; the message is for its sender.</summary>
internal sealed class BadChatRequestException(string message, string? parameter) : Exception(message)
{
    /// <summary>The member at fault, for OpenAI's <c>param</c>.</summary>
    public string? Parameter { get; } = parameter;
}
