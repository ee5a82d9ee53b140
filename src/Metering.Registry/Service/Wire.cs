using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Registry.Store;

namespace Metering.Registry.Service;

// The bodies of Confluent's REST API, as far as we serve it. Members that we do not know are left unread, as Confluent's does.

internal sealed record SchemaRequest(string? Schema, string? SchemaType, JsonElement? References, JsonElement? Metadata, JsonElement? RuleSet);

internal sealed record LevelRequest(string? Compatibility);

internal sealed record IdAnswer(int Id, int Version);

internal sealed record SchemaAnswer(string Schema);

internal sealed record VersionAnswer(string Subject, int Id, int Version, string Schema);

internal sealed record UseAnswer(string Subject, int Version)
{
    public static UseAnswer Of(SubjectVersion use) => new(use.Subject, use.Version);
}

internal sealed record LevelAnswer(string CompatibilityLevel);

internal sealed record LevelSetAnswer(string Compatibility);

internal sealed record CompatibleAnswer([property: JsonPropertyName("is_compatible")] bool IsCompatible, IReadOnlyList<string>? Messages);

internal sealed record ModeAnswer(string Mode);

internal sealed record ErrorAnswer([property: JsonPropertyName("error_code")] int ErrorCode, string Message);

internal sealed record RootAnswer(string Service, string Api, int Subjects, int Schemas);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(SchemaRequest))]
[JsonSerializable(typeof(LevelRequest))]
[JsonSerializable(typeof(IdAnswer))]
[JsonSerializable(typeof(SchemaAnswer))]
[JsonSerializable(typeof(VersionAnswer))]
[JsonSerializable(typeof(UseAnswer[]))]
[JsonSerializable(typeof(LevelAnswer))]
[JsonSerializable(typeof(LevelSetAnswer))]
[JsonSerializable(typeof(CompatibleAnswer))]
[JsonSerializable(typeof(ModeAnswer))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSerializable(typeof(RootAnswer))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(int[]))]
internal sealed partial class WireJson : JsonSerializerContext;
