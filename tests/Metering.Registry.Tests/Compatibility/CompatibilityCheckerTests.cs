using Metering.Registry.Compatibility;
using Metering.Registry.Model;

namespace Metering.Registry.Tests.Compatibility;

public sealed class CompatibilityCheckerTests
{
    public static TheoryData<string, CompatibilityLevel> Cases()
    {
        var cases = new TheoryData<string, CompatibilityLevel>();
        foreach (var change in SchemaChange.All)
            foreach (var level in Enum.GetValues<CompatibilityLevel>())
                cases.Add(change.Name, level);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Check_one_earlier_version_gives_the_verdict_of_avros_rules(string name, CompatibilityLevel level)
    {
        var change = SchemaChange.All.Single(c => c.Name == name);

        var result = CompatibilityChecker.Check(level, change.New, [change.Old]);

        Assert.Equal(change.Expected(level), result.IsCompatible);
        Assert.Equal(result.IsCompatible, result.Messages.Count == 0);
    }

    [Fact]
    public void Check_no_earlier_version_is_compatible()
    {
        Assert.True(CompatibilityChecker.Check(CompatibilityLevel.FullTransitive, "\"int\"", []).IsCompatible);
    }

    [Theory]
    [InlineData(CompatibilityLevel.Backward, true)]
    [InlineData(CompatibilityLevel.BackwardTransitive, false)]
    [InlineData(CompatibilityLevel.Full, true)]
    [InlineData(CompatibilityLevel.FullTransitive, false)]
    public void Check_only_transitive_levels_look_behind_the_latest_version(CompatibilityLevel level, bool expected)
    {
        // Version 1 lacks b; version 2 has it with a default; the candidate takes the default away.
        string[] earlier =
        [
            """{"type":"record","name":"T","fields":[]}""",
            """{"type":"record","name":"T","fields":[{"name":"b","type":"int","default":0}]}""",
        ];
        const string Candidate = """{"type":"record","name":"T","fields":[{"name":"b","type":"int"}]}""";

        var result = CompatibilityChecker.Check(level, Candidate, earlier);

        Assert.Equal(expected, result.IsCompatible);
        if (!expected)
            Assert.Contains("version 1", Assert.Single(result.Messages), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("field added without a default", CompatibilityLevel.Backward, "T.b: the new schema has this field, version 1 does not write it, and there is no default; give it a default")]
    [InlineData("field removed that had none", CompatibilityLevel.Forward, "T.b: version 1 needs this field, which the new schema no longer writes, and has no default for it; keep the field, or first release a version that gives it a default")]
    [InlineData("enum loses a symbol", CompatibilityLevel.Backward, "T.f: the new schema lacks the symbols that version 1 writes: B; keep them, or give the enum a default symbol")]
    [InlineData("record renamed", CompatibilityLevel.Backward, "S: version 1 calls it record n.T, the new schema record n.S; keep the name, or add \"aliases\": [\"n.T\"]")]
    [InlineData("inner record in a union gets a field without a default", CompatibilityLevel.Backward, "T.f.y: the new schema has this field, version 1 does not write it, and there is no default; give it a default")]
    [InlineData("array items promoted", CompatibilityLevel.Forward, "T.f[]: the new schema writes long, which version 1 cannot read as int; keep the type, or leave the field as it was and add one of the new type with a default")]
    [InlineData("union gets a branch", CompatibilityLevel.Forward, "T.f: the new schema writes int, for which the union of null, string of version 1 has no branch; write only the types that it has")]
    public void Check_a_message_names_path_change_and_fix(string name, CompatibilityLevel level, string expected)
    {
        var change = SchemaChange.All.Single(c => c.Name == name);

        var result = CompatibilityChecker.Check(level, change.New, [change.Old]);

        Assert.Equal(expected, Assert.Single(result.Messages));
    }

    [Fact]
    public void Check_two_written_fields_for_one_by_alias_is_refused()
    {
        const string Old = """{"type":"record","name":"T","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}""";
        const string New = """{"type":"record","name":"T","fields":[{"name":"a","type":"int","aliases":["b"]}]}""";

        Assert.Contains("a, b", Assert.Single(CompatibilityChecker.Check(CompatibilityLevel.Backward, New, [Old]).Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_a_guess_made_inside_a_recursion_is_dropped_when_it_proves_wrong()
    {
        // While a.W is tried for W, Y seems to fit, since it holds a.W, which is being tried. Then a.W fails on 'missing',
        // b.W is tried, and Y must not still fit: it cannot read the W inside it.
        const string Writer = """
            {"type":"record","name":"T","fields":[{"name":"f","type":
              {"type":"record","name":"W","fields":[{"name":"y","type":
                {"type":"record","name":"Y","fields":[{"name":"r","type":["null","W"]}]}}]}}]}
            """;
        const string Reader = """
            {"type":"record","name":"T","fields":[{"name":"f","type":[
              {"type":"record","name":"a.W","fields":[{"name":"y","type":
                {"type":"record","name":"Y","fields":[{"name":"r","type":["null","a.W"]}]}},{"name":"missing","type":"int"}]},
              {"type":"record","name":"b.W","fields":[{"name":"y","type":"a.Y"}]}]}]}
            """;

        Assert.False(CompatibilityChecker.Check(CompatibilityLevel.Backward, Reader, [Writer]).IsCompatible);
    }

    [Fact]
    public void Check_schemas_of_many_pairs_ends_with_a_verdict()
    {
        static string Hostile(int count) =>
            $"[{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"type":"record","name":"a{{i}}.T","fields":[{"name":"f","type":["null",{{string.Join(',', Enumerable.Range(0, i + 1).Select(j => $"\"a{j}.T\""))}}]}]}"""))}]";

        var result = CompatibilityChecker.Check(CompatibilityLevel.Full, Hostile(150), [Hostile(140)]);

        Assert.True(result.IsCompatible || result.Messages.Count > 0);
    }

    [Fact]
    public void Check_an_invalid_candidate_throws_and_says_where()
    {
        var failure = Assert.Throws<SchemaException>(() => CompatibilityChecker.Check(CompatibilityLevel.Backward, """{"type":"recrd","name":"T"}""", []));

        Assert.Contains("recrd", failure.Message, StringComparison.Ordinal);
    }
}
