using System.Text.Json;
using Metering.Registry.Model;
using Metering.Registry.Store;

namespace Metering.Registry.Service;

/// <summary>Reads the body that registers, looks up or checks a schema.</summary>
internal static class SchemaBody
{
    /// <exception cref="RegistryError">It is not JSON, not Avro, not valid, or asks for what we do not serve.</exception>
    public static async Task<CandidateSchema> ReadAsync(RegistryCall call)
    {
        var request = await call.ReadAsync(WireJson.Default.SchemaRequest);
        if (request.SchemaType is { Length: > 0 } type && type != "AVRO")
            throw RegistryError.InvalidSchema($"schemaType is '{SchemaException.Cut(type)}'; this registry takes AVRO only");
        if (!IsEmpty(request.References))
            throw RegistryError.InvalidSchema("references are not supported by this registry yet; put the types that it refers to into the schema itself");
        if (!IsEmpty(request.Metadata) || !IsEmpty(request.RuleSet))
            throw RegistryError.InvalidSchema("metadata and ruleSet are not supported by this registry");
        if (string.IsNullOrWhiteSpace(request.Schema))
            throw RegistryError.InvalidSchema("'schema' is missing or empty");
        try
        {
            return new CandidateSchema(SchemaParser.Parse(request.Schema), call.Flag("normalize"));
        }
        catch (SchemaException invalid)
        {
            throw RegistryError.InvalidSchema(invalid.Message);
        }
    }

    private static bool IsEmpty(JsonElement? value) => value?.ValueKind switch
    {
        null or JsonValueKind.Null or JsonValueKind.Undefined => true,
        JsonValueKind.Array => value.Value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.Value.EnumerateObject().Any(member => member.Value.ValueKind != JsonValueKind.Null),
        _ => false,
    };
}
