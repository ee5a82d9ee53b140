using System.Runtime.CompilerServices;
using Metering.Registry.Model;

namespace Metering.Registry.Compatibility;

/// <summary>
/// Whether every value of one schema can be read by another. Schemas may contain themselves: a pair that is being
/// compared counts as fitting until something proves otherwise. One instance serves one comparison, on one thread.
/// </summary>
internal sealed class ReaderWriterCheck
{
    // Two hostile schemas of a megabyte have more pairs than anyone wants to wait for; real ones take some hundreds.
    private const int MostSteps = 2_000_000;
    private const int MostMessages = 32;
    private const int MostPathCharacters = 200;
    private static readonly IReadOnlyList<string> Fits = [];

    private readonly Dictionary<(AvroSchema Reader, AvroSchema Writer), IReadOnlyList<string>> _verdicts = [];
    private readonly List<(AvroSchema Reader, AvroSchema Writer)> _assumed = [];
    private readonly Wording _say;
    private int _steps;

    private ReaderWriterCheck(Sides sides) => _say = new Wording(sides);

    /// <returns>Why not; empty when every value can be read.</returns>
    public static IReadOnlyList<string> Run(AvroSchema reader, AvroSchema writer, Sides sides)
    {
        try
        {
            return new ReaderWriterCheck(sides).Compare(reader, writer, reader is NamedSchema named ? named.Name.Name : reader.Title);
        }
        catch (Exception tooMuch) when (tooMuch is TooComplexException or InsufficientExecutionStackException)
        {
            // Not proven compatible is not compatible: a consumer would find out otherwise.
            return [$"{sides.Reader} and {sides.Writer} are too complex to be compared: split the schema or nest it less"];
        }
    }

    private IReadOnlyList<string> Compare(AvroSchema reader, AvroSchema writer, string path)
    {
        if (++_steps > MostSteps)
            throw new TooComplexException();
        if (reader is PrimitiveSchema && writer is PrimitiveSchema)
            return Promotes(writer.Kind, reader.Kind) ? Fits : _say.TypeChanged(path, reader, writer);
        if (_verdicts.TryGetValue((reader, writer), out var known))
            return known;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var mark = _assumed.Count;
        _assumed.Add((reader, writer));
        _verdicts[(reader, writer)] = Fits;
        var verdict = CompareTypes(reader, writer, path);
        if (verdict.Count > 0)
        {
            // What fitted on the assumption that this pair fits is open again.
            foreach (var pair in _assumed.Skip(mark))
                _verdicts.Remove(pair);
            _assumed.RemoveRange(mark, _assumed.Count - mark);
            _verdicts[(reader, writer)] = verdict;
        }
        return verdict;
    }

    private IReadOnlyList<string> CompareTypes(AvroSchema reader, AvroSchema writer, string path) => (reader, writer) switch
    {
        // The writer's union first: each of its branches must find a reader, be that a union or not.
        (_, UnionSchema union) => CompareBranches(reader, union, path),
        (UnionSchema union, _) => FindBranch(union, writer, path),
        (ArraySchema r, ArraySchema w) => Compare(r.Items, w.Items, Below(path, "[]")),
        (MapSchema r, MapSchema w) => Compare(r.Values, w.Values, Below(path, "{}")),
        (NamedSchema r, NamedSchema w) when r.Kind == w.Kind && !SameName(r, w) => _say.Renamed(path, r, w),
        (FixedSchema r, FixedSchema w) => r.Size == w.Size ? Fits : _say.SizeChanged(path, r, w),
        (EnumSchema r, EnumSchema w) => CompareSymbols(r, w, path),
        (RecordSchema r, RecordSchema w) => CompareFields(r, w, path),
        _ => Promotes(writer.Kind, reader.Kind) ? Fits : _say.TypeChanged(path, reader, writer),
    };

    private IReadOnlyList<string> CompareBranches(AvroSchema reader, UnionSchema writer, string path)
    {
        List<string>? all = null;
        foreach (var branch in writer.Branches)
            Add(ref all, Compare(reader, branch, path));
        return all ?? Fits;
    }

    private IReadOnlyList<string> FindBranch(UnionSchema reader, AvroSchema writer, string path)
    {
        IReadOnlyList<string>? nearest = null;
        foreach (var branch in reader.Branches)
        {
            var verdict = Compare(branch, writer, path);
            if (verdict.Count == 0)
                return Fits;
            // When the branch is there but does not fit, say what is wrong inside it rather than that it is missing.
            if (branch.Kind == writer.Kind && (branch is not NamedSchema named || SameName(named, (NamedSchema)writer)))
                nearest ??= verdict;
        }
        return nearest ?? _say.NoBranch(path, reader, writer);
    }

    private IReadOnlyList<string> CompareSymbols(EnumSchema reader, EnumSchema writer, string path)
    {
        if (reader.Fallback is not null)
            return Fits;
        var unknown = writer.Symbols.Where(symbol => !reader.Has(symbol)).ToList();
        return unknown.Count == 0 ? Fits : _say.SymbolsUnknown(path, unknown);
    }

    private IReadOnlyList<string> CompareFields(RecordSchema reader, RecordSchema writer, string path)
    {
        List<string>? all = null;
        foreach (var field in reader.Fields)
        {
            var fieldPath = Below(path, "." + field.Name);
            var written = Sources(field, writer);
            if (written.Count > 1)
                Add(ref all, _say.Ambiguous(fieldPath, written));
            else if (written.Count == 1)
                Add(ref all, Compare(field.Type, written[0].Type, fieldPath));
            else if (field.Default is null)
                Add(ref all, _say.NoDefault(fieldPath));
        }
        return all ?? Fits;
    }

    // The writer's fields that this field is read from: by its name and by its aliases.
    private static List<RecordField> Sources(RecordField field, RecordSchema writer) =>
        [.. field.Aliases.Prepend(field.Name).Distinct(StringComparer.Ordinal).Select(writer.Find).OfType<RecordField>()];

    // As Java's Avro since 1.9: the short names decide, so that a type may move to another namespace.
    private static bool SameName(NamedSchema reader, NamedSchema writer) =>
        reader.Name.Name == writer.Name.Name || reader.Aliases.Contains(writer.Name);

    private static bool Promotes(AvroKind from, AvroKind to) => from == to || (from, to) switch
    {
        (AvroKind.Int, AvroKind.Long or AvroKind.Float or AvroKind.Double) => true,
        (AvroKind.Long, AvroKind.Float or AvroKind.Double) => true,
        (AvroKind.Float, AvroKind.Double) => true,
        (AvroKind.String, AvroKind.Bytes) or (AvroKind.Bytes, AvroKind.String) => true,
        _ => false,
    };

    // Of a path through a deep schema the end is what tells; whole, it would grow with the square of the depth.
    private static string Below(string path, string step) =>
        string.Concat(path.Length <= MostPathCharacters ? path : string.Concat("…", path.AsSpan(path.Length - MostPathCharacters)), step);

    private static void Add(ref List<string>? all, IReadOnlyList<string> more)
    {
        if (more.Count == 0)
            return;
        all ??= [];
        all.AddRange(more.Take(MostMessages - all.Count));
    }

    private sealed class TooComplexException : Exception;
}
