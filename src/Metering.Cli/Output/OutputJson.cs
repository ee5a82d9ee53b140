using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Cli.Output;

/// <summary>How the lines that programs read are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReadyLine))]
[JsonSerializable(typeof(LiveFigures))]
[JsonSerializable(typeof(StoppedLine))]
internal sealed partial class OutputJson : JsonSerializerContext;

internal sealed record ReadyLine(ReadyAddresses Ready);

internal sealed record StoppedLine(LiveFigures Stopped);
