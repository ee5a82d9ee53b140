using Metering.Registry.Model;

namespace Metering.Registry.Compatibility;

/// <summary>Puts an incompatibility into words: path, what changed, and the fix that the author of the new schema has.</summary>
internal sealed class Wording(Sides sides)
{
    public IReadOnlyList<string> TypeChanged(string path, AvroSchema reader, AvroSchema writer) =>
        Say(path, $"{sides.Writer} writes {SchemaException.Cut(writer.Title)}, which {sides.Reader} cannot read as {SchemaException.Cut(reader.Title)}",
            "keep the type, or leave the field as it was and add one of the new type with a default");

    public IReadOnlyList<string> Renamed(string path, NamedSchema reader, NamedSchema writer) =>
        Say(path, $"{sides.Writer} calls it {writer.Title}, {sides.Reader} {reader.Title}",
            sides.ReaderIsNew ? $"keep the name, or add \"aliases\": [\"{writer.Name.Full}\"]" : "keep the name");

    public IReadOnlyList<string> SizeChanged(string path, FixedSchema reader, FixedSchema writer) =>
        Say(path, $"{sides.Writer} writes {writer.Size} bytes where {sides.Reader} expects {reader.Size}",
            "keep the size, or add a field with a fixed type of another name");

    public IReadOnlyList<string> SymbolsUnknown(string path, IReadOnlyList<string> symbols)
    {
        var names = SchemaException.Cut(string.Join(", ", symbols.Take(20)));
        return sides.ReaderIsNew
            ? Say(path, $"{sides.Reader} lacks the symbols that {sides.Writer} writes: {names}", "keep them, or give the enum a default symbol")
            : Say(path, $"{sides.Reader} does not know the new symbols and its enum has no default: {names}", "leave them out until a version with an enum default is out");
    }

    public IReadOnlyList<string> NoBranch(string path, UnionSchema reader, AvroSchema writer) =>
        Say(path, $"{sides.Writer} writes {writer.Title}, for which the {reader.Title} of {sides.Reader} has no branch",
            sides.ReaderIsNew ? $"add the branch {writer.Title}" : "write only the types that it has");

    public IReadOnlyList<string> NoDefault(string path) => sides.ReaderIsNew
        ? Say(path, $"{sides.Reader} has this field, {sides.Writer} does not write it, and there is no default", "give it a default")
        : Say(path, $"{sides.Reader} needs this field, which {sides.Writer} no longer writes, and has no default for it", "keep the field, or first release a version that gives it a default");

    public IReadOnlyList<string> Ambiguous(string path, IReadOnlyList<RecordField> written) =>
        Say(path, $"by its name and aliases it matches several fields that {sides.Writer} writes: {SchemaException.Cut(string.Join(", ", written.Select(f => f.Name)))}",
            "keep one of them");

    private static string[] Say(string path, string what, string fix) => [$"{path}: {what}; {fix}"];
}
