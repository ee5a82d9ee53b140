using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Registry.Model;

/// <summary>
/// A schema's canonical text, which is its identity: no white space, attributes in the order in which Java's Avro writes
/// them, names short where the namespace is clear, <c>{"type":"int"}</c> as <c>"int"</c>. Docs, aliases, defaults,
/// order and properties stay in it: a change of any of them is a new schema, as in Confluent's registry.
/// </summary>
internal sealed class SchemaWriter
{
    // Only what JSON demands is escaped: the text goes into JSON answers, never into a page.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1024 };

    private readonly HashSet<NamedSchema> _written = [];
    private readonly Utf8JsonWriter _json;
    private readonly bool _sortProperties;

    private SchemaWriter(Utf8JsonWriter json, bool sortProperties)
    {
        _json = json;
        _sortProperties = sortProperties;
    }

    /// <param name="schema">What to write.</param>
    /// <param name="sortProperties">Confluent's <c>normalize</c>: properties in the order of their names, not of the text.</param>
    public static string Write(AvroSchema schema, bool sortProperties = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
            new SchemaWriter(json, sortProperties).Write(schema, null);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void Write(AvroSchema schema, string? space)
    {
        switch (schema)
        {
            case NamedSchema named when !_written.Add(named):
                _json.WriteStringValue(named.Name.Within(space));
                return;
            case PrimitiveSchema { Properties.Count: 0 }:
                _json.WriteStringValue(schema.Title);
                return;
            case UnionSchema union:
                _json.WriteStartArray();
                foreach (var branch in union.Branches)
                    Write(branch, space);
                _json.WriteEndArray();
                return;
        }
        _json.WriteStartObject();
        WriteAttributes(schema, space);
        WriteProperties(schema.Properties);
        if (schema is NamedSchema { Aliases.Count: > 0 } aliased)
            WriteStrings("aliases", aliased.Aliases.Select(alias => alias.Within(aliased.Name.Space)));
        _json.WriteEndObject();
    }

    private void WriteAttributes(AvroSchema schema, string? space)
    {
        _json.WriteString("type", schema is RecordSchema { IsError: true } ? "error" : schema.Kind.ToString().ToLowerInvariant());
        if (schema is NamedSchema named)
        {
            _json.WriteString("name", named.Name.Name);
            if (named.Name.Space != space)
                _json.WriteString("namespace", named.Name.Space ?? "");
            if (named.Doc is not null)
                _json.WriteString("doc", named.Doc);
        }
        switch (schema)
        {
            case ArraySchema array:
                _json.WritePropertyName("items");
                Write(array.Items, space);
                break;
            case MapSchema map:
                _json.WritePropertyName("values");
                Write(map.Values, space);
                break;
            case FixedSchema bytes:
                _json.WriteNumber("size", bytes.Size);
                break;
            case EnumSchema symbols:
                WriteStrings("symbols", symbols.Symbols);
                if (symbols.Fallback is not null)
                    _json.WriteString("default", symbols.Fallback);
                break;
            case RecordSchema record:
                _json.WriteStartArray("fields");
                foreach (var field in record.Fields)
                    WriteField(field, record.Name.Space);
                _json.WriteEndArray();
                break;
        }
    }

    private void WriteField(RecordField field, string? space)
    {
        _json.WriteStartObject();
        _json.WriteString("name", field.Name);
        _json.WritePropertyName("type");
        Write(field.Type, space);
        if (field.Doc is not null)
            _json.WriteString("doc", field.Doc);
        if (field.Default is { } value)
        {
            _json.WritePropertyName("default");
            value.WriteTo(_json);
        }
        if (field.Order is not null)
            _json.WriteString("order", field.Order);
        if (field.Aliases.Count > 0)
            WriteStrings("aliases", field.Aliases);
        WriteProperties(field.Properties);
        _json.WriteEndObject();
    }

    private void WriteProperties(IReadOnlyList<JsonProperty> properties)
    {
        foreach (var property in _sortProperties ? properties.OrderBy(p => p.Name, StringComparer.Ordinal) : (IEnumerable<JsonProperty>)properties)
            property.WriteTo(_json);
    }

    private void WriteStrings(string word, IEnumerable<string> strings)
    {
        _json.WriteStartArray(word);
        foreach (var text in strings)
            _json.WriteStringValue(text);
        _json.WriteEndArray();
    }
}
