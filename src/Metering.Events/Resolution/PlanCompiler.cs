using Avro;

namespace Metering.Events;

/// <summary>Turns two schemas into steps, by Avro's rules of resolution.</summary>
/// <param name="readerAliases">Aliases of the reader's named types by full name.</param>
internal sealed class PlanCompiler(Dictionary<string, HashSet<string>> readerAliases)
{
    private readonly Dictionary<(Schema Writer, Schema Reader), RecordStep> _records = new(ReferencePairs.Instance);
    private readonly List<(Schema Writer, Schema Reader)> _begun = [];

    /// <exception cref="ResolutionException">The reader cannot read what the writer writes; the message says where and why.</exception>
    public Step Resolve(Schema writer, Schema reader, string place)
    {
        if (writer is UnionSchema union)
            return FromUnion(union, reader, place);
        if (reader is UnionSchema readers)
            return ToUnion(writer, readers, place) ?? throw Mismatch(writer, reader, place);
        CheckLogical(writer, reader, place);
        writer = Plain(writer);
        reader = Plain(reader);
        return (writer, reader) switch
        {
            (RecordSchema from, RecordSchema to) when NamesMatch(from, to) => Record(from, to, place),
            (EnumSchema from, EnumSchema to) when NamesMatch(from, to) => Enum(from, to),
            (FixedSchema from, FixedSchema to) when NamesMatch(from, to) && from.Size == to.Size => new FixedStep(from.Size),
            (ArraySchema from, ArraySchema to) =>
                new CollectionStep(Resolve(from.ItemSchema, to.ItemSchema, place + "[]"), hasKeys: false, MinimumBytes.Of(from.ItemSchema)),
            (MapSchema from, MapSchema to) =>
                new CollectionStep(Resolve(from.ValueSchema, to.ValueSchema, place + "{}"), hasKeys: true, 1 + MinimumBytes.Of(from.ValueSchema)),
            (PrimitiveSchema from, PrimitiveSchema to) => Promote(from.Tag, to.Tag) ?? throw Mismatch(from, to, place),
            _ => throw Mismatch(writer, reader, place),
        };
    }

    private static Step? Promote(Schema.Type from, Schema.Type to) => (from, to) switch
    {
        _ when from == to => new CopyStep(from),
        // A long looks like the int of the same value, and a string like its bytes: only the check is the writer's.
        (Schema.Type.Int, Schema.Type.Long) => new CopyStep(Schema.Type.Int, isIdentity: false),
        (Schema.Type.String, Schema.Type.Bytes) or (Schema.Type.Bytes, Schema.Type.String) => new CopyStep(Schema.Type.String, isIdentity: false),
        (Schema.Type.Int or Schema.Type.Long, Schema.Type.Float or Schema.Type.Double) or (Schema.Type.Float, Schema.Type.Double) => new ToRealStep(from, to),
        _ => null,
    };

    private RecordStep Record(RecordSchema writer, RecordSchema reader, string place)
    {
        if (_records.TryGetValue((writer, reader), out var step))
            return step;
        var begun = _begun.Count;
        _begun.Add((writer, reader));
        _records.Add((writer, reader), step = new RecordStep());
        try
        {
            Complete(step, writer, reader, place);
            return step;
        }
        catch (ResolutionException)
        {
            // A union may go on without this record; what was begun within it may refer to it and must not be found again.
            foreach (var pair in _begun[begun..])
                _records.Remove(pair);
            _begun.RemoveRange(begun, _begun.Count - begun);
            throw;
        }
    }

    private void Complete(RecordStep step, RecordSchema writer, RecordSchema reader, string place)
    {
        var matches = Match(writer, reader);
        var readerFields = new List<(int, Step?, byte[]?)>();
        for (var i = 0; i < reader.Fields.Count; i++)
        {
            var field = reader.Fields[i];
            var inside = place.Length == 0 ? field.Name : place + "." + field.Name;
            if (matches[i] >= 0)
                readerFields.Add((matches[i], Resolve(writer.Fields[matches[i]].Schema, field.Schema, inside), null));
            else if (field.DefaultValue is { } value)
                readerFields.Add((-1, null, DefaultEncoder.Encode(field.Schema, value, inside)));
            else
                throw new ResolutionException($"{inside}: the writer does not have the field, and it has no default");
        }
        var writerFields = writer.Fields.ConvertAll(field => (field.Name, Resolve(field.Schema, field.Schema, place + "." + field.Name)));
        step.Complete(writerFields, readerFields);
    }

    /// <summary>For each of the reader's fields the writer's: by name, else by an alias that no other field goes by.</summary>
    private static int[] Match(RecordSchema writer, RecordSchema reader)
    {
        var matches = reader.Fields.Select(field => writer.Fields.FindIndex(other => other.Name == field.Name)).ToArray();
        for (var i = 0; i < matches.Length; i++)
        {
            if (matches[i] >= 0)
                continue;
            var aliases = reader.Fields[i].Aliases ?? [];
            matches[i] = writer.Fields.FindIndex(other => aliases.Contains(other.Name) && !matches.Contains(other.Pos));
        }
        return matches;
    }

    private static EnumStep Enum(EnumSchema writer, EnumSchema reader)
    {
        var fallback = reader.Default is { } symbol ? reader.Ordinal(symbol) : -1;
        var indexes = writer.Symbols.Select(symbol => reader.Contains(symbol) ? reader.Ordinal(symbol) : fallback).ToArray();
        return new EnumStep(indexes, writer.Symbols.SequenceEqual(reader.Symbols, StringComparer.Ordinal));
    }

    private FromUnionStep FromUnion(UnionSchema writer, Schema reader, string place)
    {
        var steps = new Step?[writer.Count];
        ResolutionException? refused = null;
        for (var i = 0; i < steps.Length; i++)
        {
            try
            {
                steps[i] = Resolve(writer[i], reader, place);
            }
            catch (ResolutionException mismatch)
            {
                // Only a record that holds this very branch cannot be read.
                refused = mismatch;
            }
        }
        if (Array.TrueForAll(steps, step => step is null))
            throw refused ?? Mismatch(writer, reader, place);
        return new FromUnionStep(steps, reader is UnionSchema other ? other.Count : 0);
    }

    /// <summary>The same type under the same full name first, then what resolves.</summary>
    private ToUnionStep? ToUnion(Schema writer, UnionSchema reader, string place)
    {
        ResolutionException? refused = null;
        foreach (var i in Enumerable.Range(0, reader.Count).OrderBy(i => IsSameType(writer, reader[i]) ? 0 : 1))
        {
            try
            {
                return new ToUnionStep(i, Resolve(writer, reader[i], place));
            }
            catch (ResolutionException mismatch)
            {
                refused ??= mismatch;
            }
        }
        return refused is not null ? throw refused : null;
    }

    private static bool IsSameType(Schema writer, Schema reader)
    {
        writer = Plain(writer);
        reader = Plain(reader);
        return writer.Tag == reader.Tag
            && (writer is not NamedSchema named || named.Fullname == ((NamedSchema)reader).Fullname);
    }

    private bool NamesMatch(NamedSchema writer, NamedSchema reader) =>
        writer.Name == reader.Name || (readerAliases.TryGetValue(reader.Fullname, out var aliases) && aliases.Contains(writer.Fullname));

    private static void CheckLogical(Schema writer, Schema reader, string place)
    {
        if (writer is LogicalSchema from && reader is LogicalSchema to && LogicalText(from) != LogicalText(to))
            throw new ResolutionException($"{place}: {LogicalText(from)} cannot be read as {LogicalText(to)}, for Avro does not convert logical types");
    }

    private static string LogicalText(LogicalSchema schema) => schema.LogicalTypeName != "decimal"
        ? schema.LogicalTypeName
        : $"decimal({schema.GetProperty("precision")},{schema.GetProperty("scale") ?? "0"})";

    private static Schema Plain(Schema schema) => schema is LogicalSchema logical ? logical.BaseSchema : schema;

    private static ResolutionException Mismatch(Schema writer, Schema reader, string place) =>
        new($"{(place.Length == 0 ? "the schema" : place)}: {Describe(writer)} cannot be read as {Describe(reader)}");

    private static string Describe(Schema schema) =>
        schema is NamedSchema named ? $"{named.Tag} {named.Fullname}" : schema.Tag.ToString();

    /// <summary>By identity: Apache.Avro's own Equals walks the whole schema.</summary>
    private sealed class ReferencePairs : IEqualityComparer<(Schema Writer, Schema Reader)>
    {
        public static readonly ReferencePairs Instance = new();

        public bool Equals((Schema Writer, Schema Reader) x, (Schema Writer, Schema Reader) y) =>
            ReferenceEquals(x.Writer, y.Writer) && ReferenceEquals(x.Reader, y.Reader);

        public int GetHashCode((Schema Writer, Schema Reader) pair) => HashCode.Combine(
            System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Writer),
            System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Reader));
    }
}
