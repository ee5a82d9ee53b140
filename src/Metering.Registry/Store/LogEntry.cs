using System.Text.Json.Serialization;
using Metering.Registry.Compatibility;

namespace Metering.Registry.Store;

/// <summary>One acknowledged change, whole in itself: whatever line the log ends at, what it says is a state that was once true.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "change")]
[JsonDerivedType(typeof(RegisteredEntry), "registered")]
[JsonDerivedType(typeof(LevelEntry), "level")]
internal abstract record LogEntry;

/// <param name="Subject">Where it was registered.</param>
/// <param name="Version">Its version there: one more than the subject's last.</param>
/// <param name="Id">Its global id.</param>
/// <param name="Schema">The canonical text; null when another subject had brought the id's text before.</param>
internal sealed record RegisteredEntry(string Subject, int Version, int Id, string? Schema) : LogEntry;

/// <param name="Subject">Null for the global level.</param>
/// <param name="Level">Null when the setting was taken back.</param>
internal sealed record LevelEntry(string? Subject, CompatibilityLevel? Level) : LogEntry;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    AllowOutOfOrderMetadataProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = false)]
[JsonSerializable(typeof(LogEntry))]
internal sealed partial class LogJson : JsonSerializerContext;
