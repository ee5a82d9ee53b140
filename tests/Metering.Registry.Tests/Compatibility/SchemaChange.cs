using Metering.Registry.Compatibility;

namespace Metering.Registry.Tests.Compatibility;

/// <summary>A change from one schema to another, and what org.apache.avro's rules say of it.</summary>
/// <param name="Name">What changes.</param>
/// <param name="Old">The earlier schema.</param>
/// <param name="New">The candidate.</param>
/// <param name="Backward">The new schema reads old data.</param>
/// <param name="Forward">The old schema reads new data.</param>
public sealed record SchemaChange(string Name, string Old, string New, bool Backward, bool Forward)
{
    public bool Expected(CompatibilityLevel level) => level switch
    {
        CompatibilityLevel.None => true,
        CompatibilityLevel.Backward or CompatibilityLevel.BackwardTransitive => Backward,
        CompatibilityLevel.Forward or CompatibilityLevel.ForwardTransitive => Forward,
        _ => Backward && Forward,
    };

    public override string ToString() => Name;

    public static IReadOnlyList<SchemaChange> All { get; } =
    [
        Of("nothing", Record("""{"name":"a","type":"int"}"""), Record("""{"name":"a","type":"int"}"""), true, true),
        Of("field added with a default", Record(A), Record($$"""{{A}},{"name":"b","type":"string","default":""}"""), true, true),
        Of("field added without a default", Record(A), Record($$"""{{A}},{"name":"b","type":"string"}"""), false, true),
        Of("field removed that had a default", Record($$"""{{A}},{"name":"b","type":"string","default":""}"""), Record(A), true, true),
        Of("field removed that had none", Record($$"""{{A}},{"name":"b","type":"string"}"""), Record(A), true, false),
        Of("default added", Record(A), Record("""{"name":"a","type":"int","default":1}"""), true, true),
        Of("field renamed", Record(A), Record("""{"name":"b","type":"int"}"""), false, false),
        Of("field renamed with an alias", Record(A), Record("""{"name":"b","type":"int","aliases":["a"]}"""), true, false),
        Of("fields in another order", Record($$"""{{A}},{"name":"b","type":"string"}"""), Record($$"""{"name":"b","type":"string"},{{A}}"""), true, true),
        Of("doc only", Record(A), Record("""{"name":"a","type":"int","doc":"d"}"""), true, true),
        Of("int to long", Typed("\"int\""), Typed("\"long\""), true, false),
        Of("int to float", Typed("\"int\""), Typed("\"float\""), true, false),
        Of("int to double", Typed("\"int\""), Typed("\"double\""), true, false),
        Of("long to float", Typed("\"long\""), Typed("\"float\""), true, false),
        Of("long to double", Typed("\"long\""), Typed("\"double\""), true, false),
        Of("float to double", Typed("\"float\""), Typed("\"double\""), true, false),
        Of("string to bytes", Typed("\"string\""), Typed("\"bytes\""), true, true),
        Of("int to string", Typed("\"int\""), Typed("\"string\""), false, false),
        Of("int to boolean", Typed("\"int\""), Typed("\"boolean\""), false, false),
        Of("long to timestamp", Typed("\"long\""), Typed("""{"type":"long","logicalType":"timestamp-micros"}"""), true, true),
        Of("string to null or string", Typed("\"string\""), Typed("""["null","string"]"""), true, false),
        Of("int to null or long", Typed("\"int\""), Typed("""["null","long"]"""), true, false),
        Of("union gets a branch", Typed("""["null","string"]"""), Typed("""["null","string","int"]"""), true, false),
        Of("union in another order", Typed("""["null","string"]"""), Typed("""["string","null"]"""), true, true),
        Of("union of int and long to long", Typed("""["int","long"]"""), Typed("\"long\""), true, true),
        Of("union of int and string to long", Typed("""["int","string"]"""), Typed("\"long\""), false, false),
        Of("array items promoted", Typed("""{"type":"array","items":"int"}"""), Typed("""{"type":"array","items":"long"}"""), true, false),
        Of("array to map", Typed("""{"type":"array","items":"int"}"""), Typed("""{"type":"map","values":"int"}"""), false, false),
        Of("map values changed", Typed("""{"type":"map","values":"int"}"""), Typed("""{"type":"map","values":"string"}"""), false, false),
        Of("enum gets a symbol", Typed(Enum("\"A\"")), Typed(Enum("\"A\",\"B\"")), true, false),
        Of("enum with a default gets a symbol", Typed(Enum("\"A\"", "A")), Typed(Enum("\"A\",\"B\"", "A")), true, true),
        Of("enum loses a symbol", Typed(Enum("\"A\",\"B\"")), Typed(Enum("\"A\"")), false, true),
        Of("enum with a default loses a symbol", Typed(Enum("\"A\",\"B\"", "A")), Typed(Enum("\"A\"", "A")), true, true),
        Of("enum renamed", Typed(Enum("\"A\"")), Typed("""{"type":"enum","name":"F","symbols":["A"]}"""), false, false),
        Of("enum renamed with an alias", Typed(Enum("\"A\"")), Typed("""{"type":"enum","name":"F","aliases":["E"],"symbols":["A"]}"""), true, false),
        Of("fixed grows", Typed("""{"type":"fixed","name":"F","size":4}"""), Typed("""{"type":"fixed","name":"F","size":8}"""), false, false),
        Of("fixed to bytes", Typed("""{"type":"fixed","name":"F","size":4}"""), Typed("\"bytes\""), false, false),
        Of("record renamed", Record(A), """{"type":"record","name":"S","namespace":"n","fields":[{"name":"a","type":"int"}]}""", false, false),
        Of("record renamed with an alias", Record(A), """{"type":"record","name":"S","namespace":"n","aliases":["T"],"fields":[{"name":"a","type":"int"}]}""", true, false),
        Of("record moved to another namespace", Record(A), """{"type":"record","name":"T","namespace":"m","fields":[{"name":"a","type":"int"}]}""", true, true),
        Of("inner record gets a field", Typed(Inner("")), Typed(Inner(""","default":0""", "y")), true, true),
        Of("inner record in a union gets a field without a default", Typed($"""["null",{Inner("")}]"""), Typed($"""["null",{Inner("", "y")}]"""), false, true),
        Of("recursive record gets a field", List(""), List("""{"name":"b","type":"int","default":0},"""), true, true),
        Of("recursive record gets a field without a default", List(""), List("""{"name":"b","type":"int"},"""), false, true),
        Of("record to map", Typed(Inner("")), Typed("""{"type":"map","values":"int"}"""), false, false),
        Of("primitive to another", "\"int\"", "\"long\"", true, false),
        Of("primitive to a record", "\"int\"", Record(A), false, false),
        Of("empty record to a full one", """{"type":"record","name":"T","namespace":"n","fields":[]}""", Record(A), false, true),
    ];

    private const string A = """{"name":"a","type":"int"}""";

    private static SchemaChange Of(string name, string before, string after, bool backward, bool forward) => new(name, before, after, backward, forward);

    private static string Record(string fields) => $$"""{"type":"record","name":"T","namespace":"n","fields":[{{fields}}]}""";

    private static string Typed(string type) => Record($$"""{"name":"f","type":{{type}}}""");

    private static string Enum(string symbols, string? fallback = null) =>
        $$"""{"type":"enum","name":"E","symbols":[{{symbols}}]{{(fallback is null ? "" : $",\"default\":\"{fallback}\"")}}}""";

    private static string Inner(string attributes, string? more = null) =>
        $$"""{"type":"record","name":"I","fields":[{"name":"x","type":"int"}{{(more is null ? "" : $$""",{"name":"{{more}}","type":"int"{{attributes}}}""")}}]}""";

    private static string List(string more) =>
        $$"""{"type":"record","name":"L","fields":[{"name":"a","type":"int"},{{more}}{"name":"next","type":["null","L"],"default":null}]}""";
}
