using System.Collections.Immutable;
using System.Globalization;
using Metering.Schemas;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Metering.Events.Tests.Generator;

public sealed class SchemaGeneratorTests
{
    [Fact]
    public void Record_of_every_supported_kind_becomes_code_that_compiles()
    {
        const string Schema = """
            {"type":"record","name":"Every","namespace":"a.b","doc":"<all> & everything","fields":[
              {"name":"flag","type":"boolean","default":true},
              {"name":"small","type":"int"}, {"name":"big","type":"long","default":-9},
              {"name":"single","type":"float","default":1.5}, {"name":"real","type":["null","double"],"default":null},
              {"name":"text","type":"string","default":"a \"quoted\" \\ one"}, {"name":"raw","type":"bytes","default":"\u00ff\u0000"},
              {"name":"maybe_raw","type":["bytes","null"],"default":""},
              {"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},
              {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["one","two_three"]},"default":"two_three"},
              {"name":"again","type":"Kind"},
              {"name":"inner","type":{"type":"record","name":"Inner","fields":[{"name":"kind","type":"a.b.Kind"},{"name":"n","type":"long"}]}},
              {"name":"maybe_inner","type":["null","Inner"]},
              {"name":"inners","type":{"type":"array","items":"Inner"}}, {"name":"numbers","type":{"type":"array","items":"long"}},
              {"name":"maybe_list","type":["null",{"type":"array","items":"string"}]},
              {"name":"by_name","type":{"type":"map","values":"Inner"}}, {"name":"maybe_map","type":["null",{"type":"map","values":"boolean"}]},
              {"name":"blobs","type":{"type":"array","items":"bytes"}}, {"name":"reals","type":{"type":"map","values":"double"}}
            ]}
            """;

        var (compilation, diagnostics) = Generate("every", Schema);

        Assert.Empty(diagnostics);
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning));
    }

    [Theory]
    [InlineData("{", "line 1: a member's name is expected")]
    [InlineData("{\"type\":\n\"record\",}", "line 2: a member's name is expected")]
    [InlineData("{\"a\":1,\"a\":2}", "member 'a' appears twice")]
    [InlineData("[1] x", "something follows the schema")]
    [InlineData("\"string\"", "must be a record")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\"}", "'fields' is missing")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", "without fields")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"strnig\"}]}", "R.a: type 'strnig' is not known")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"int\",\"string\"]}]}", "R.a: of unions only")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"R\"]}]}", "R.a: recursive")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}}]}", "R.a: logical type 'uuid'")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}", "R.a: the default \"x\"")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}", "R.a: two fields")]
    public void Schema_that_cannot_become_code_is_a_build_error_that_names_the_place(string schema, string expected)
    {
        var (_, diagnostics) = Generate("wrong", schema);

        var error = Assert.Single(diagnostics);
        Assert.Equal("METER001", error.Id);
        Assert.StartsWith("wrong.avsc: ", error.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.Contains(expected, error.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    private static (Compilation Compilation, ImmutableArray<Diagnostic> Diagnostics) Generate(string name, string schema)
    {
        // Compiled against the built library, whose internals the generated code needs (InternalsVisibleTo).
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !path.Contains("Metering.Schemas", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Metering.Events.Tests.Generated", [], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create([new SchemaGenerator().AsSourceGenerator()], [new SchemaText(name + ".avsc", schema)], new CSharpParseOptions(LanguageVersion.Preview))
            .RunGeneratorsAndUpdateCompilation(compilation, out var result, out var diagnostics);
        return (result, diagnostics);
    }

    private sealed class SchemaText(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
