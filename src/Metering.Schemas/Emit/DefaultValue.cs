using System.Globalization;
using Metering.Schemas.Json;
using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>The C# expression for a field's default, or for the natural start value where the schema gives none.</summary>
internal static class DefaultValue
{
    public static string Of(AvroField field, string recordName)
    {
        try
        {
            return field.Default is null ? Natural(field.Type) : Of(field.Type, field.Default);
        }
        catch (FormatException)
        {
            throw new SchemaException($"{recordName}.{field.Name}: the default {field.Default} does not fit its type");
        }
    }

    private static string Of(AvroType type, JsonValue json) => (type.Kind, json.Kind) switch
    {
        (AvroKind.Boolean, JsonKind.Boolean) => json.Text,
        (AvroKind.Int, JsonKind.Number) => int.Parse(json.Text, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        (AvroKind.Long or AvroKind.TimestampMicros or AvroKind.TimestampMillis, JsonKind.Number) =>
            long.Parse(json.Text, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) + "L",
        (AvroKind.Float, JsonKind.Number) => json.Text + "f",
        (AvroKind.Double, JsonKind.Number) => json.Text + "d",
        (AvroKind.String, JsonKind.String) => Names.Literal(json.Text),
        (AvroKind.Bytes, JsonKind.String) => Bytes(json.Text),
        (AvroKind.Enum, JsonKind.String) when type.Symbols.Contains(json.Text) => $"{type.Name}.{Names.Pascal(json.Text)}",
        (AvroKind.Array, JsonKind.Array) when json.Items.Count == 0 => Natural(type),
        (AvroKind.Map, JsonKind.Object) when json.Members.Count == 0 => Natural(type),
        (AvroKind.Nullable, JsonKind.Null) when type.NullBranch == 0 => "null",
        (AvroKind.Nullable, _) when type.NullBranch == 1 => Of(type.Item!, json),
        _ => throw new FormatException(),
    };

    private static string Natural(AvroType type) => type.Kind switch
    {
        AvroKind.String => "\"\"",
        AvroKind.Bytes => "[]",
        AvroKind.Array => $"new List<{CSharpTypes.OfProperty(type.Item!)}>()",
        AvroKind.Map => $"new Dictionary<string, {CSharpTypes.OfProperty(type.Item!)}>()",
        AvroKind.Record => "new()",
        AvroKind.Nullable => "null",
        _ => "default",
    };

    /// <summary>Avro writes default bytes as a string of the code points 0 to 255.</summary>
    private static string Bytes(string text)
    {
        var numbers = new List<string>();
        foreach (var c in text)
            numbers.Add(c <= 255 ? ((int)c).ToString(CultureInfo.InvariantCulture) : throw new FormatException());
        return $"[{string.Join(", ", numbers)}]";
    }
}
