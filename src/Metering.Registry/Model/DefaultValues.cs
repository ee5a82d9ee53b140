using System.Text.Json;

namespace Metering.Registry.Model;

/// <summary>Holds the fields' defaults against their types. Of a union any branch will do, as the specification says since 1.12.</summary>
internal sealed class DefaultValues
{
    // Unions of records in one another can be tried in exponentially many ways; real schemas take a few hundred steps.
    private const int MostSteps = 1_000_000;

    private int _steps;

    /// <exception cref="SchemaException">The default is not a value of the type.</exception>
    public void Check(AvroSchema type, JsonElement value, string where)
    {
        var fits = Fits(type, value);
        if (_steps > MostSteps)
            throw new SchemaException(where, "the defaults up to here are too complex to check");
        if (!fits)
            throw new SchemaException(where, $"the default {SchemaException.Cut(value.GetRawText())} is not a value of {SchemaException.Cut(type.Title)}");
    }

    // Depth is bounded by that of the JSON value, which the parser bounds.
    private bool Fits(AvroSchema type, JsonElement value) => ++_steps <= MostSteps && type switch
    {
        UnionSchema union => union.Branches.Any(branch => Fits(branch, value)),
        ArraySchema array => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => Fits(array.Items, item)),
        MapSchema map => value.ValueKind == JsonValueKind.Object && value.EnumerateObject().All(entry => Fits(map.Values, entry.Value)),
        RecordSchema record => value.ValueKind == JsonValueKind.Object && FieldsFit(record, value),
        EnumSchema symbols => value.ValueKind == JsonValueKind.String && symbols.Has(value.GetString()!),
        FixedSchema bytes => IsBytes(value) && value.GetString()!.Length == bytes.Size,
        _ => PrimitiveFits(type.Kind, value),
    };

    private bool FieldsFit(RecordSchema record, JsonElement value)
    {
        var given = value.EnumerateObject().ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal);
        return record.Fields.All(field => given.TryGetValue(field.Name, out var member) ? Fits(field.Type, member) : field.Default is not null);
    }

    private static bool PrimitiveFits(AvroKind kind, JsonElement value) => kind switch
    {
        AvroKind.Null => value.ValueKind == JsonValueKind.Null,
        AvroKind.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        AvroKind.Int => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out _),
        AvroKind.Long => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        AvroKind.Float or AvroKind.Double => value.ValueKind == JsonValueKind.Number,
        AvroKind.Bytes => IsBytes(value),
        AvroKind.String => value.ValueKind == JsonValueKind.String && value.GetString() is not null,
        _ => false,
    };

    // Avro writes bytes as a string whose code points 0–255 are the bytes.
    private static bool IsBytes(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetString()!.All(c => c <= 0xFF);
}
