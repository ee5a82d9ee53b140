using System.Text.Json;

namespace Metering.Registry.Model;

/// <summary>
/// A parsed schema. A model of our own and not Apache.Avro's, because that one hides the aliases of named types, loses
/// <c>order</c>, checks no default and throws on a logical type that the specification says to ignore.
/// Immutable once parsed; nodes are compared by reference, since named types may contain themselves.
/// </summary>
internal abstract class AvroSchema(AvroKind kind)
{
    public AvroKind Kind { get; } = kind;

    /// <summary>What the specification does not name (logicalType and its parameters included), in the order of the text.</summary>
    public IReadOnlyList<JsonProperty> Properties { get; init; } = [];

    /// <summary>As a message names it: the type, and for a named type its full name.</summary>
    public virtual string Title => Kind.ToString().ToLowerInvariant();
}

internal sealed class PrimitiveSchema(AvroKind kind) : AvroSchema(kind);

internal sealed class ArraySchema(AvroSchema items) : AvroSchema(AvroKind.Array)
{
    public AvroSchema Items { get; } = items;
}

internal sealed class MapSchema(AvroSchema values) : AvroSchema(AvroKind.Map)
{
    public AvroSchema Values { get; } = values;
}

internal sealed class UnionSchema(IReadOnlyList<AvroSchema> branches) : AvroSchema(AvroKind.Union)
{
    public IReadOnlyList<AvroSchema> Branches { get; } = branches;

    public override string Title => $"union of {SchemaException.Cut(string.Join(", ", Branches.Take(8).Select(b => b.Title)))}";
}

internal abstract class NamedSchema(AvroKind kind, AvroName name) : AvroSchema(kind)
{
    public AvroName Name { get; } = name;

    public IReadOnlyList<AvroName> Aliases { get; init; } = [];

    public string? Doc { get; init; }

    public override string Title => $"{Kind.ToString().ToLowerInvariant()} {Name.Full}";
}

internal sealed class FixedSchema(AvroName name, int size) : NamedSchema(AvroKind.Fixed, name)
{
    public int Size { get; } = size;
}

internal sealed class EnumSchema(AvroName name, IReadOnlyList<string> symbols, string? fallback) : NamedSchema(AvroKind.Enum, name)
{
    private readonly HashSet<string> _symbols = [.. symbols];

    public IReadOnlyList<string> Symbols { get; } = symbols;

    /// <summary>The enum's own default: what a reader takes for a symbol that it does not know.</summary>
    public string? Fallback { get; } = fallback;

    public bool Has(string symbol) => _symbols.Contains(symbol);
}

internal sealed class RecordSchema(AvroName name, bool isError) : NamedSchema(AvroKind.Record, name)
{
    private readonly Dictionary<string, RecordField> _byName = new(StringComparer.Ordinal);

    public bool IsError { get; } = isError;

    /// <summary>Filled by the parser after the record got its name, since a field may hold the record itself.</summary>
    public List<RecordField> Fields { get; } = [];

    public bool TryAdd(RecordField field)
    {
        if (!_byName.TryAdd(field.Name, field))
            return false;
        Fields.Add(field);
        return true;
    }

    public RecordField? Find(string name) => _byName.GetValueOrDefault(name);
}

/// <summary>A field; <paramref name="Default"/> is null when it has none, and a JSON null when its default is null.</summary>
internal sealed record RecordField(
    string Name,
    AvroSchema Type,
    JsonElement? Default,
    string? Doc,
    string? Order,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<JsonProperty> Properties);
