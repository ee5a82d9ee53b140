using Metering.Gateway.Keys;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Admission;

/// <summary>What is known of a request before it is forwarded.</summary>
public readonly record struct AdmissionRequest
{
    /// <summary>The gateway's own; which requests a policy's roll-out touches is told by it.</summary>
    public required string RequestId { get; init; }

    /// <summary>Known, not blocked, not expired, and allowed for the model.</summary>
    public required ApiKey Key { get; init; }

    /// <summary>As asked for, without the provider before it.</summary>
    public required string Model { get; init; }

    /// <summary>The upstream's name.</summary>
    public required string Provider { get; init; }

    public required string Route { get; init; }

    public required string? User { get; init; }

    public required string? Experiment { get; init; }

    /// <summary>Empty when there are none.</summary>
    public required IReadOnlyDictionary<string, string> Tags { get; init; }

    /// <summary>The tokens of the prompt at worst (R28).</summary>
    public required PromptBound Prompt { get; init; }

    /// <summary>Answers asked for: the worst case of output is this many times the largest answer. From 1 to 128.</summary>
    public required int Choices { get; init; }

    /// <summary>The largest answer that the client allows, in tokens for each choice; null when it set none.</summary>
    public required long? MaxOutputTokens { get; init; }

    /// <summary>The answer comes as a stream, which the gateway can cut.</summary>
    public required bool Streams { get; init; }

    /// <summary>Whether the upstream keeps to the maximum that it is told.</summary>
    public required bool HonoursMaxTokens { get; init; }

    /// <summary>When the request arrived, Unix time in microseconds.</summary>
    public required long ArrivedAtMicros { get; init; }
}
