using Metering.Schemas.Json;

namespace Metering.Schemas.Model;

/// <summary>One node of a schema, restricted to what the generator turns into C#.</summary>
internal sealed class AvroType
{
    public AvroType(AvroKind kind) => Kind = kind;

    public AvroKind Kind { get; }

    /// <summary>Short name of a record or enum; also the name of its C# type.</summary>
    public string Name { get; set; } = "";

    /// <summary>The name under which Avro knows it, with its namespace.</summary>
    public string FullName { get; set; } = "";

    public string? Doc { get; set; }

    public List<AvroField> Fields { get; } = new();

    public List<string> Symbols { get; } = new();

    /// <summary>Item of an array, value of a map, what a nullable holds when it is not null.</summary>
    public AvroType? Item { get; set; }

    /// <summary>Position of null in a nullable's union, 0 or 1.</summary>
    public int NullBranch { get; set; }

    /// <summary>The definition in JSON, of a record or enum.</summary>
    public JsonValue? Json { get; set; }
}

internal sealed class AvroField
{
    public AvroField(string name, string property, AvroType type, JsonValue? defaultValue, string? doc)
    {
        Name = name;
        Property = property;
        Type = type;
        Default = defaultValue;
        Doc = doc;
    }

    public string Name { get; }

    /// <summary>Name of the C# property; a time bears its unit.</summary>
    public string Property { get; }

    public AvroType Type { get; }

    public JsonValue? Default { get; }

    public string? Doc { get; }
}

internal enum AvroKind
{
    Boolean,
    Int,
    Long,
    Float,
    Double,
    String,
    Bytes,
    TimestampMicros,
    TimestampMillis,
    Enum,
    Record,
    Array,
    Map,
    Nullable,
}
