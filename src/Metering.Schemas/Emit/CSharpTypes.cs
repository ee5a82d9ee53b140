using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Which C# type stands for which Avro type, in classes and in views.</summary>
internal static class CSharpTypes
{
    public static string OfProperty(AvroType type) => type.Kind switch
    {
        AvroKind.Boolean => "bool",
        AvroKind.Int => "int",
        AvroKind.Long or AvroKind.TimestampMicros or AvroKind.TimestampMillis => "long",
        AvroKind.Float => "float",
        AvroKind.Double => "double",
        AvroKind.String => "string",
        AvroKind.Bytes => "byte[]",
        AvroKind.Array => $"IList<{OfProperty(type.Item!)}>",
        AvroKind.Map => $"IDictionary<string, {OfProperty(type.Item!)}>",
        AvroKind.Nullable => OfProperty(type.Item!) + "?",
        _ => type.Name,
    };

    public static string OfView(AvroType type) => type.Kind switch
    {
        AvroKind.String or AvroKind.Bytes => "ReadOnlySpan<byte>",
        AvroKind.Record => type.Name + "View",
        AvroKind.Array => $"ArrayView<{OfView(type.Item!)}, {Element(type.Item!)}>",
        AvroKind.Map => $"MapView<{OfView(type.Item!)}, {Element(type.Item!)}>",
        AvroKind.Nullable => IsNumber(type.Item!) ? OfProperty(type) : OfView(type.Item!),
        _ => OfProperty(type),
    };

    /// <summary>True for what a view shows as a nullable value; the others come with a Has property.</summary>
    public static bool IsNumber(AvroType type) => type.Kind is AvroKind.Boolean or AvroKind.Int or AvroKind.Long
        or AvroKind.Float or AvroKind.Double or AvroKind.TimestampMicros or AvroKind.TimestampMillis;

    /// <summary>The method of AvroReader and AvroWriter behind "Read" and "Write".</summary>
    public static string Method(AvroType type) => type.Kind switch
    {
        AvroKind.TimestampMicros or AvroKind.TimestampMillis => "Long",
        _ => type.Kind.ToString(),
    };

    private static string Element(AvroType type) => type.Kind == AvroKind.Record ? type.Name + "View" : Method(type) + "Element";
}
