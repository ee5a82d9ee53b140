using Metering.Schemas.Json;

namespace Metering.Schemas.Model;

/// <summary>
/// Reads a schema's JSON into <see cref="AvroType"/> and refuses, with a reason, what the generated code does not support:
/// unions other than with null, fixed, recursive records, nullable enums (Apache.Avro cannot write one whose C# names
/// differ from its symbols), and logical types other than the two timestamps.
/// </summary>
internal sealed class SchemaReader
{
    private readonly Dictionary<string, AvroType> _named = new();
    private readonly HashSet<string> _open = new();

    /// <summary>The records and enums of the schema, in order of definition.</summary>
    public List<AvroType> Types { get; } = new();

    public static SchemaReader Read(JsonValue json)
    {
        var reader = new SchemaReader();
        if (reader.ReadType(json, "", "the schema").Kind != AvroKind.Record)
            throw new SchemaException("the schema of a message must be a record");
        return reader;
    }

    private AvroType ReadType(JsonValue json, string space, string where) => json.Kind switch
    {
        JsonKind.String => ReadName(json.Text, space, where),
        JsonKind.Array => ReadUnion(json, space, where),
        JsonKind.Object => ReadObject(json, space, where),
        _ => throw new SchemaException($"{where}: a type is expected"),
    };

    private AvroType ReadName(string name, string space, string where)
    {
        var primitive = name switch
        {
            "boolean" => AvroKind.Boolean,
            "int" => AvroKind.Int,
            "long" => AvroKind.Long,
            "float" => AvroKind.Float,
            "double" => AvroKind.Double,
            "string" => AvroKind.String,
            "bytes" => AvroKind.Bytes,
            _ => (AvroKind?)null,
        };
        if (primitive is not null)
            return new AvroType(primitive.Value);
        var fullName = FullName(name, space);
        if (_open.Contains(fullName))
            throw new SchemaException($"{where}: recursive records are not supported");
        return _named.TryGetValue(fullName, out var type) ? type : throw new SchemaException($"{where}: type '{name}' is not known");
    }

    private AvroType ReadUnion(JsonValue json, string space, string where)
    {
        var nullBranch = json.Items.FindIndex(item => item.Kind == JsonKind.String && item.Text == "null");
        if (json.Items.Count != 2 || nullBranch < 0)
            throw new SchemaException($"{where}: of unions only those of null and one other type are supported");
        var item = ReadType(json.Items[1 - nullBranch], space, where);
        return item.Kind is AvroKind.Enum or AvroKind.Nullable
            ? throw new SchemaException($"{where}: a nullable enum is not supported, give it a symbol for what is not known")
            : new AvroType(AvroKind.Nullable) { Item = item, NullBranch = nullBranch };
    }

    private AvroType ReadObject(JsonValue json, string space, string where)
    {
        var typeJson = json.Find("type") ?? throw new SchemaException($"{where}: 'type' is missing");
        if (typeJson.Kind != JsonKind.String)
            return ReadType(typeJson, space, where);
        switch (typeJson.Text)
        {
            case "record":
                return ReadRecord(json, space);
            case "enum":
                return ReadEnum(json, space);
            case "array":
                return new AvroType(AvroKind.Array) { Item = ReadItem(json.Find("items"), space, where) };
            case "map":
                return new AvroType(AvroKind.Map) { Item = ReadItem(json.Find("values"), space, where) };
            default:
                return ReadLogical(json, ReadName(typeJson.Text, space, where), where);
        }
    }

    private AvroType ReadItem(JsonValue? json, string space, string where)
    {
        var item = ReadType(json ?? throw new SchemaException($"{where}: 'items' or 'values' is missing"), space, where);
        return item.Kind is AvroKind.TimestampMicros or AvroKind.TimestampMillis or AvroKind.Nullable or AvroKind.Array or AvroKind.Map or AvroKind.Enum
            ? throw new SchemaException($"{where}: items must be plain values or records; wrap others in a record")
            : item;
    }

    private static AvroType ReadLogical(JsonValue json, AvroType underlying, string where) => (json.FindText("logicalType"), underlying.Kind) switch
    {
        (null, _) => underlying,
        ("timestamp-micros", AvroKind.Long) => new AvroType(AvroKind.TimestampMicros),
        ("timestamp-millis", AvroKind.Long) => new AvroType(AvroKind.TimestampMillis),
        var (logical, _) => throw new SchemaException($"{where}: logical type '{logical}' is not supported"),
    };

    private AvroType ReadRecord(JsonValue json, string space)
    {
        var type = Define(new AvroType(AvroKind.Record) { Json = json, Doc = json.FindText("doc") }, json, ref space);
        _open.Add(type.FullName);
        foreach (var field in json.Find("fields")?.Items ?? throw new SchemaException($"record {type.Name}: 'fields' is missing"))
        {
            var name = field.FindText("name") ?? throw new SchemaException($"record {type.Name}: a field has no name");
            var where = $"{type.Name}.{name}";
            var fieldType = ReadType(field.Find("type") ?? throw new SchemaException($"{where}: 'type' is missing"), space, where);
            if (type.Fields.Exists(other => other.Name == name))
                throw new SchemaException($"{where}: two fields have this name");
            type.Fields.Add(new AvroField(name, Names.Property(name, fieldType), fieldType, field.Find("default"), field.FindText("doc")));
        }
        if (type.Fields.Count == 0)
            throw new SchemaException($"record {type.Name}: a record without fields is not supported");
        _open.Remove(type.FullName);
        return type;
    }

    private AvroType ReadEnum(JsonValue json, string space)
    {
        var type = Define(new AvroType(AvroKind.Enum) { Json = json, Doc = json.FindText("doc") }, json, ref space);
        foreach (var symbol in json.Find("symbols")?.Items ?? throw new SchemaException($"enum {type.Name}: 'symbols' is missing"))
            type.Symbols.Add(symbol.Text);
        return type.Symbols.Count > 0 ? type : throw new SchemaException($"enum {type.Name}: it has no symbols");
    }

    private AvroType Define(AvroType type, JsonValue json, ref string space)
    {
        var name = json.FindText("name") ?? throw new SchemaException("a named type has no name");
        space = json.FindText("namespace") ?? space;
        type.FullName = FullName(name, space);
        var dot = type.FullName.LastIndexOf('.');
        type.Name = type.FullName.Substring(dot + 1);
        space = dot < 0 ? "" : type.FullName.Substring(0, dot);
        if (_named.ContainsKey(type.FullName))
            throw new SchemaException($"type '{type.FullName}' is defined twice");
        _named.Add(type.FullName, type);
        Types.Add(type);
        return type;
    }

    private static string FullName(string name, string space) => name.IndexOf('.') >= 0 || space.Length == 0 ? name : space + "." + name;
}
