using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Metering.Registry.Model;

/// <summary>Avro's JSON to <see cref="AvroSchema"/>. Refuses all that the specification refuses, wrong defaults included.</summary>
internal sealed class SchemaParser
{
    // A level of Avro takes up to three of JSON; no schema that people write comes near.
    private const int DeepestJson = 256;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = DeepestJson, AllowDuplicateProperties = false };
    private readonly Dictionary<AvroName, NamedSchema> _named = [];
    private readonly DefaultValues _defaults = new();

    private SchemaParser()
    {
    }

    /// <exception cref="SchemaException">The text is not a schema.</exception>
    public static AvroSchema Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new SchemaException("schema", "it is empty");
        try
        {
            return new SchemaParser().Read(JsonElement.Parse(text, Options), null, "schema");
        }
        catch (JsonException notJson)
        {
            throw new SchemaException("schema", $"it is not JSON: {SchemaException.Cut(notJson.Message)}");
        }
        catch (InsufficientExecutionStackException)
        {
            throw new SchemaException("schema", "it is nested too deeply");
        }
        catch (Exception badText) when (badText is InvalidOperationException or ArgumentException)
        {
            // System.Text.Json says so of half a surrogate pair, in a name or in the text around it.
            throw new SchemaException("schema", "a string in it is not valid Unicode");
        }
    }

    private AvroSchema Read(JsonElement json, string? space, string where)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return json.ValueKind switch
        {
            JsonValueKind.String => ReadName(json.GetString()!, space, where),
            JsonValueKind.Array => ReadUnion(json, space, where),
            JsonValueKind.Object => ReadObject(json, space, where),
            _ => throw new SchemaException(where, $"a schema is a name, an object or an array, not {json.ValueKind}"),
        };
    }

    private AvroSchema ReadName(string name, string? space, string where)
    {
        if (Primitive(name) is { } kind)
            return new PrimitiveSchema(kind);
        return Lookup(name, space, where) ?? throw new SchemaException(where, $"there is no type '{SchemaException.Cut(name)}'; a named type is defined before it is used");
    }

    private NamedSchema? Lookup(string name, string? space, string where) =>
        _named.GetValueOrDefault(AvroName.Parse(name, space, where));

    private UnionSchema ReadUnion(JsonElement json, string? space, string where)
    {
        var branches = new List<AvroSchema>(json.GetArrayLength());
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in json.EnumerateArray())
        {
            var branch = Read(item, space, $"{where}[{branches.Count}]");
            if (branch.Kind == AvroKind.Union)
                throw new SchemaException(where, "a union directly in a union");
            if (!seen.Add(branch is NamedSchema named ? named.Name.Full : branch.Title))
                throw new SchemaException(where, $"{SchemaException.Cut(branch.Title)} is twice in the union");
            branches.Add(branch);
        }
        return new UnionSchema(branches);
    }

    private AvroSchema ReadObject(JsonElement json, string? space, string where)
    {
        var type = SchemaJson.RequiredString(json, "type", where);
        if (Primitive(type) is { } kind)
            return new PrimitiveSchema(kind) { Properties = SchemaJson.Others(json, SchemaJson.SchemaWords) };
        return type switch
        {
            "array" => new ArraySchema(ReadPart(json, "items", space, where)) { Properties = SchemaJson.Others(json, SchemaJson.SchemaWords) },
            "map" => new MapSchema(ReadPart(json, "values", space, where)) { Properties = SchemaJson.Others(json, SchemaJson.SchemaWords) },
            "fixed" => ReadFixed(json, space, where),
            "enum" => ReadEnum(json, space, where),
            "record" or "error" => ReadRecord(json, type == "error", space, where),
            _ => Lookup(type, space, where) ?? throw new SchemaException(where, $"there is no type '{SchemaException.Cut(type)}'"),
        };
    }

    private AvroSchema ReadPart(JsonElement json, string word, string? space, string where) =>
        json.TryGetProperty(word, out var part)
            ? Read(part, space, $"{where}.{word}")
            : throw new SchemaException(where, $"'{word}' is missing");

    private FixedSchema ReadFixed(JsonElement json, string? space, string where)
    {
        var name = ReadFullName(json, space, ref where);
        if (!json.TryGetProperty("size", out var sizeJson) || sizeJson.ValueKind != JsonValueKind.Number || !sizeJson.TryGetInt32(out var size) || size < 0)
            throw new SchemaException(where, "'size' must be a whole number of bytes, 0 or more");
        return Register(new FixedSchema(name, size)
        {
            Aliases = ReadAliases(json, name, where),
            Doc = SchemaJson.OptionalString(json, "doc", where),
            Properties = SchemaJson.Others(json, SchemaJson.SchemaWords),
        }, where);
    }

    private EnumSchema ReadEnum(JsonElement json, string? space, string where)
    {
        var name = ReadFullName(json, space, ref where);
        if (!json.TryGetProperty("symbols", out var list))
            throw new SchemaException(where, "'symbols' is missing");
        var symbols = SchemaJson.Strings(list, "symbols", where);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var symbol in symbols)
        {
            AvroName.CheckName(symbol, where);
            if (!seen.Add(symbol))
                throw new SchemaException(where, $"symbol '{SchemaException.Cut(symbol)}' is there twice");
        }
        var fallback = SchemaJson.OptionalString(json, "default", where);
        if (fallback is not null && !seen.Contains(fallback))
            throw new SchemaException(where, $"the enum's default '{SchemaException.Cut(fallback)}' is none of its symbols");
        return Register(new EnumSchema(name, symbols, fallback)
        {
            Aliases = ReadAliases(json, name, where),
            Doc = SchemaJson.OptionalString(json, "doc", where),
            Properties = SchemaJson.Others(json, SchemaJson.EnumWords),
        }, where);
    }

    private RecordSchema ReadRecord(JsonElement json, bool isError, string? space, string where)
    {
        var name = ReadFullName(json, space, ref where);
        if (!json.TryGetProperty("fields", out var fields) || fields.ValueKind != JsonValueKind.Array)
            throw new SchemaException(where, "'fields' must be an array");
        var record = Register(new RecordSchema(name, isError)
        {
            Aliases = ReadAliases(json, name, where),
            Doc = SchemaJson.OptionalString(json, "doc", where),
            Properties = SchemaJson.Others(json, SchemaJson.SchemaWords),
        }, where);
        foreach (var item in fields.EnumerateArray())
        {
            var field = ReadField(item, name, where);
            if (!record.TryAdd(field))
                throw new SchemaException(where, $"field '{SchemaException.Cut(field.Name)}' is there twice");
        }
        // After the fields: a default may be of this record, which is complete only now.
        foreach (var field in record.Fields)
            if (field.Default is { } value)
                _defaults.Check(field.Type, value, $"{where}.{field.Name}");
        return record;
    }

    private RecordField ReadField(JsonElement json, AvroName record, string where)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new SchemaException(where, "each of 'fields' must be an object");
        var name = SchemaJson.RequiredString(json, "name", where);
        AvroName.CheckName(name, where);
        where = $"{where}.{name}";
        var order = SchemaJson.OptionalString(json, "order", where);
        if (order is not (null or "ascending" or "descending" or "ignore"))
            throw new SchemaException(where, "'order' must be ascending, descending or ignore");
        var aliases = json.TryGetProperty("aliases", out var list) ? SchemaJson.Strings(list, "aliases", where) : [];
        foreach (var alias in aliases)
            AvroName.CheckName(alias, where);
        return new RecordField(
            name,
            ReadPart(json, "type", record.Space, where),
            json.TryGetProperty("default", out var value) ? value : null,
            SchemaJson.OptionalString(json, "doc", where),
            order == "ascending" ? null : order,
            aliases,
            SchemaJson.Others(json, SchemaJson.FieldWords));
    }

    private static AvroName ReadFullName(JsonElement json, string? space, ref string where)
    {
        var text = SchemaJson.RequiredString(json, "name", where);
        var name = AvroName.Parse(text, SchemaJson.OptionalString(json, "namespace", where) ?? space, where);
        if (name.Space is null && Primitive(name.Name) is not null)
            throw new SchemaException(where, $"'{name.Name}' is a primitive type: choose another name");
        where = name.Full;
        return name;
    }

    private static List<AvroName> ReadAliases(JsonElement json, AvroName of, string where) =>
        json.TryGetProperty("aliases", out var list)
            ? [.. SchemaJson.Strings(list, "aliases", where).Select(alias => AvroName.Parse(alias, of.Space, where)).Distinct()]
            : [];

    private T Register<T>(T schema, string where) where T : NamedSchema =>
        _named.TryAdd(schema.Name, schema) ? schema : throw new SchemaException(where, "the name is already taken by another type of this schema");

    private static AvroKind? Primitive(string name) => name switch
    {
        "null" => AvroKind.Null,
        "boolean" => AvroKind.Boolean,
        "int" => AvroKind.Int,
        "long" => AvroKind.Long,
        "float" => AvroKind.Float,
        "double" => AvroKind.Double,
        "bytes" => AvroKind.Bytes,
        "string" => AvroKind.String,
        _ => null,
    };
}
