using System.Text.Json.Serialization;

namespace Metering.Gateway.Streams;

/// <summary>Texts as JSON, without reflection.</summary>
[JsonSerializable(typeof(string))]
internal sealed partial class AnswerJson : JsonSerializerContext;
