using System.Globalization;
using System.Text;
using Metering.Registry.Model;
using Metering.Registry.Tests.Compatibility;

namespace Metering.Registry.Tests.Model;

public sealed class SchemaParserTests
{
    [Theory]
    [InlineData("", "empty")]
    [InlineData("   ", "empty")]
    [InlineData("{", "not JSON")]
    [InlineData("int", "not JSON")]
    [InlineData("1", "not Number")]
    [InlineData("null", "not Null")]
    [InlineData("{}", "'type' is missing")]
    [InlineData("\"nope\"", "no type 'nope'")]
    [InlineData("""{"type":"recrd","name":"T"}""", "no type 'recrd'")]
    [InlineData("""{"type":1}""", "'type' must be a string")]
    [InlineData("""{"type":"record","fields":[]}""", "'name' is missing")]
    [InlineData("""{"type":"record","name":"T"}""", "'fields' must be an array")]
    [InlineData("""{"type":"record","name":"T","fields":[1]}""", "must be an object")]
    [InlineData("""{"type":"record","name":"T","fields":[{"name":"a"}]}""", "T.a: 'type' is missing")]
    [InlineData("""{"type":"record","name":"int","fields":[]}""", "primitive")]
    [InlineData("""{"type":"record","name":"9","fields":[]}""", "not a name")]
    [InlineData("""{"type":"record","name":"a b","fields":[]}""", "not a name")]
    [InlineData("""{"type":"record","name":"","fields":[]}""", "1 to 1024")]
    [InlineData("""{"type":"record","name":"T","namespace":"a..b","fields":[]}""", "not a namespace")]
    [InlineData("""{"type":"record","name":"T","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}""", "'a' is there twice")]
    [InlineData("""{"type":"record","name":"T","name":"U","fields":[]}""", "not JSON")]
    [InlineData("""{"type":"record","name":"T","fields":[{"name":"a","type":{"type":"record","name":"T","fields":[]}}]}""", "already taken")]
    [InlineData("""{"type":"record","name":"T","fields":[{"name":"a","type":"int","order":"up"}]}""", "'order' must be")]
    [InlineData("""{"type":"record","name":"T","aliases":"U","fields":[]}""", "array of strings")]
    [InlineData("""{"type":"enum","name":"E"}""", "'symbols' is missing")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A","A"]}""", "'A' is there twice")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A-B"]}""", "not a name")]
    [InlineData("""{"type":"enum","name":"E","symbols":["A"],"default":"B"}""", "none of its symbols")]
    [InlineData("""{"type":"fixed","name":"F"}""", "'size'")]
    [InlineData("""{"type":"fixed","name":"F","size":-1}""", "'size'")]
    [InlineData("""{"type":"fixed","name":"F","size":99999999999}""", "'size'")]
    [InlineData("""{"type":"array"}""", "'items' is missing")]
    [InlineData("""["int","int"]""", "twice in the union")]
    [InlineData("""["int",["string"]]""", "union directly in a union")]
    [InlineData("\"\\ud800\"", "not valid Unicode")]
    [InlineData("""{"type":"record","name":"T","doc":"\ud800","fields":[]}""", "not valid Unicode")]
    public void Parse_what_is_not_a_schema_is_refused_with_where_and_why(string text, string why)
    {
        Assert.Contains(why, Assert.Throws<SchemaException>(() => SchemaParser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"int\"", "1", true)]
    [InlineData("\"int\"", "1.5", false)]
    [InlineData("\"int\"", "3000000000", false)]
    [InlineData("\"long\"", "3000000000", true)]
    [InlineData("\"int\"", "\"1\"", false)]
    [InlineData("\"string\"", "1", false)]
    [InlineData("\"string\"", "null", false)]
    [InlineData("\"boolean\"", "true", true)]
    [InlineData("\"boolean\"", "0", false)]
    [InlineData("\"double\"", "1", true)]
    [InlineData("\"bytes\"", "\"\\u00ff\"", true)]
    [InlineData("\"bytes\"", "\"\\u0100\"", false)]
    [InlineData("[\"null\",\"string\"]", "null", true)]
    [InlineData("[\"null\",\"string\"]", "\"x\"", true)]
    [InlineData("[\"null\",\"string\"]", "1", false)]
    [InlineData("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", true)]
    [InlineData("{\"type\":\"array\",\"items\":\"int\"}", "[1,\"2\"]", false)]
    [InlineData("{\"type\":\"map\",\"values\":\"int\"}", "{}", true)]
    [InlineData("{\"type\":\"map\",\"values\":\"int\"}", "[]", false)]
    [InlineData("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"A\"", true)]
    [InlineData("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"", false)]
    [InlineData("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"ab\"", true)]
    [InlineData("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"", false)]
    [InlineData("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}", "{\"x\":1}", true)]
    [InlineData("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}", "{}", false)]
    [InlineData("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"int\",\"default\":0}]}", "{}", true)]
    public void Parse_a_default_must_be_a_value_of_its_type(string type, string value, bool valid)
    {
        var text = $$"""{"type":"record","name":"T","fields":[{"name":"a","type":{{type}},"default":{{value}}}]}""";

        if (valid)
            Assert.Equal(AvroKind.Record, SchemaParser.Parse(text).Kind);
        else
            Assert.StartsWith("T.a: the default", Assert.Throws<SchemaException>(() => SchemaParser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(""" { "fields" : [ { "type" : { "type" : "int" }, "name" : "a" } ], "name" : "n.T", "type" : "record" } """,
        """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"}]}""")]
    [InlineData("""{"type":"record","name":"T","namespace":"n","aliases":["m.U","V"],"doc":"d","x":{"y":[1.0]},"fields":[]}""",
        """{"type":"record","name":"T","namespace":"n","doc":"d","fields":[],"x":{"y":[1.0]},"aliases":["m.U","V"]}""")]
    [InlineData("""{"type":"record","name":"T","fields":[{"doc":"é","default":null,"name":"a","order":"ignore","aliases":["b"],"type":["null",{"logicalType":"uuid","type":"string"}],"z":1}]}""",
        """{"type":"record","name":"T","fields":[{"name":"a","type":["null",{"type":"string","logicalType":"uuid"}],"doc":"é","default":null,"order":"ignore","aliases":["b"],"z":1}]}""")]
    [InlineData("""{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":{"type":"enum","name":"n.E","symbols":["A"],"default":"A"}},{"name":"b","type":"n.E"},{"name":"c","type":{"type":"fixed","name":"m.F","size":2}},{"name":"d","type":"m.F"}]}""",
        """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}},{"name":"b","type":"E"},{"name":"c","type":{"type":"fixed","name":"F","namespace":"m","size":2}},{"name":"d","type":"m.F"}]}""")]
    public void Write_gives_the_canonical_text_and_reading_that_gives_it_again(string text, string expected)
    {
        var canonical = SchemaWriter.Write(SchemaParser.Parse(text));

        Assert.Equal(expected, canonical);
        Assert.Equal(canonical, SchemaWriter.Write(SchemaParser.Parse(canonical)));
    }

    [Fact]
    public void Write_what_is_accepted_is_read_by_apache_avro_too()
    {
        foreach (var text in SchemaChange.All.SelectMany(change => new[] { change.Old, change.New }))
        {
            var canonical = SchemaWriter.Write(SchemaParser.Parse(text));

            Assert.Equal(global::Avro.Schema.Parse(text), global::Avro.Schema.Parse(canonical));
        }
    }

    [Fact]
    public void Parse_what_is_nested_a_thousand_deep_is_refused_not_a_crash()
    {
        var text = new StringBuilder().Insert(0, """{"type":"array","items":""", 1000).Append("\"int\"").Append('}', 1000).ToString();

        Assert.Throws<SchemaException>(() => SchemaParser.Parse(text));
    }

    [Fact]
    public void Parse_a_default_that_could_be_read_in_exponentially_many_ways_ends()
    {
        var value = new StringBuilder().Insert(0, "{\"f\":", 60).Append("\"no\"").Append('}', 60).ToString();
        static string Names(int count) => string.Join(',', Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"\"a{i}.R\"")));
        static string Record(int i) => """{"name":"xI","type":{"type":"record","name":"aI.R","fields":[{"name":"f","type":["null",NAMES]}]}}"""
            .Replace("I", i.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("NAMES", Names(i + 1), StringComparison.Ordinal);
        var records = string.Join(',', Enumerable.Range(0, 4).Select(Record));
        var branches = Names(4);
        var text = $$"""{"type":"record","name":"T","fields":[{{records}},{"name":"d","type":[{{branches}}],"default":{{value}}}]}""";

        Assert.Throws<SchemaException>(() => SchemaParser.Parse(text));
    }

    [Fact]
    public void Parse_a_long_name_is_refused_and_not_repeated()
    {
        var failure = Assert.Throws<SchemaException>(() => SchemaParser.Parse($$"""{"type":"record","name":"{{new string('a', 100_000)}}","fields":[]}"""));

        Assert.True(failure.Message.Length < 500, failure.Message.Length.ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Parse_takes_the_schemas_of_this_project()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
            folder = folder.Parent;
        var files = Directory.GetFiles(Path.Combine(Assert.IsType<DirectoryInfo>(folder).FullName, "schemas"), "*.avsc");
        Assert.NotEmpty(files);

        Assert.All(files, file => Assert.Equal(AvroKind.Record, SchemaParser.Parse(File.ReadAllText(file)).Kind));
    }
}
