using static Metering.Events.Tests.Resolution.Resolve;

namespace Metering.Events.Tests.Resolution;

/// <summary>Avro's rules of resolution, one by one, on bytes written out by hand.</summary>
public sealed class ResolutionRulesTests
{
    [Theory]
    [InlineData("int", "long", "03", "03")]
    [InlineData("int", "float", "03", "000000C0")]
    [InlineData("int", "double", "03", "00000000000000C0")]
    [InlineData("long", "float", "04", "00000040")]
    [InlineData("long", "double", "04", "0000000000000040")]
    [InlineData("float", "double", "00000040", "0000000000000040")]
    [InlineData("string", "bytes", "0461C3", null)]
    [InlineData("string", "bytes", "04C3BC", "04C3BC")]
    [InlineData("bytes", "string", "04C3BC", "04C3BC")]
    public void Plain_value_is_promoted(string writer, string reader, string body, string? expected)
    {
        if (expected is null)
            Assert.Equal(DecodeError.BadUtf8, Error($"\"{writer}\"", $"\"{reader}\"", body));
        else
            Assert.Equal(expected, Hex($"\"{writer}\"", $"\"{reader}\"", body));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_not_read_as_one() =>
        Assert.Equal(DecodeError.BadUtf8, Error("\"bytes\"", "\"string\"", "02FF"));

    [Theory]
    [InlineData("long", "int")]
    [InlineData("double", "float")]
    [InlineData("boolean", "int")]
    [InlineData("string", "long")]
    public void Plain_value_is_not_narrowed(string writer, string reader) =>
        Assert.Contains("cannot be read as", Refusal($"\"{writer}\"", $"\"{reader}\""), StringComparison.Ordinal);

    [Fact]
    public void Field_that_the_writer_lacks_takes_its_default() => Assert.Equal(
        "02" + "0A" + "0461" + "62" + "00" + "02027802" + "7900",
        Hex(
            Record(Field("a", "\"int\"")),
            Record(string.Join(',',
                Field("a", "\"int\""),
                Field("n", "\"long\"", ",\"default\":5"),
                Field("s", "\"string\"", ",\"default\":\"ab\""),
                Field("u", "[\"null\",\"string\"]", ",\"default\":null"),
                Field("m", "{\"type\":\"map\",\"values\":\"string\"}", ",\"default\":{\"x\":\"y\"}"))),
            "02"));

    [Fact]
    public void Field_without_default_that_the_writer_lacks_is_refused_by_name() => Assert.StartsWith(
        "b: the writer does not have the field", Refusal(Record(Field("a", "\"int\"")), Record(Field("b", "\"int\""))), StringComparison.Ordinal);

    [Fact]
    public void Default_that_does_not_fit_is_refused_by_name() => Assert.StartsWith(
        "b: the default", Refusal(Record(Field("a", "\"int\"")), Record(Field("b", "\"int\"", ",\"default\":\"x\""))), StringComparison.Ordinal);

    [Fact]
    public void Field_that_the_reader_lacks_is_dropped_but_still_checked()
    {
        var writer = Record(Field("gone", "\"string\"") + "," + Field("a", "\"int\""));
        var reader = Record(Field("a", "\"int\""));

        Assert.Equal("06", Hex(writer, reader, "046162" + "06"));
        Assert.Equal(DecodeError.BadUtf8, Error(writer, reader, "02FF" + "06"));
        Assert.Equal(DecodeError.Truncated, Error(writer, reader, "0461"));
    }

    [Fact]
    public void Fields_in_another_order_are_put_in_the_readers() => Assert.Equal(
        "0263" + "06" + "0261",
        Hex(
            Record(string.Join(',', Field("x", "\"string\""), Field("y", "\"int\""), Field("z", "\"string\""))),
            Record(string.Join(',', Field("z", "\"string\""), Field("y", "\"int\""), Field("x", "\"string\""))),
            "0261" + "06" + "0263"));

    [Fact]
    public void Renamed_field_and_type_are_found_by_alias()
    {
        var writer = """{"type":"record","name":"Old","namespace":"n","fields":[{"name":"was","type":"int"}]}""";
        var reader = """{"type":"record","name":"New","namespace":"n","aliases":["Old"],"fields":[{"name":"now","aliases":["was"],"type":"long"}]}""";

        Assert.Equal("06", Hex(writer, reader, "06"));
        Assert.Contains("cannot be read as", Refusal(writer, reader.Replace("\"aliases\":[\"Old\"],", "", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Namespace_alone_does_not_part_two_records() => Assert.Equal("06", Hex(
        """{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":"int"}]}""",
        """{"type":"record","name":"R","namespace":"b","fields":[{"name":"x","type":"int"}]}""",
        "06"));

    [Fact]
    public void Enum_symbols_are_mapped_by_name_and_unknown_ones_take_the_readers_default()
    {
        const string Writer = """{"type":"enum","name":"E","symbols":["a","b","c"]}""";
        const string Reader = """{"type":"enum","name":"E","symbols":["c","a","other"],"default":"other"}""";

        Assert.Equal("02", Hex(Writer, Reader, "00"));
        Assert.Equal("04", Hex(Writer, Reader, "02"));
        Assert.Equal("00", Hex(Writer, Reader, "04"));
        Assert.Equal(DecodeError.BadEnum, Error(Writer, Reader, "06"));
        Assert.Equal(DecodeError.BadEnum, Error(Writer, """{"type":"enum","name":"E","symbols":["c","a"]}""", "02"));
    }

    [Fact]
    public void Unions_on_either_side_are_resolved_by_branch()
    {
        Assert.Equal("0206", Hex("\"int\"", "[\"null\",\"long\"]", "06"));
        Assert.Equal("06", Hex("[\"null\",\"int\"]", "\"long\"", "0206"));
        Assert.Equal(DecodeError.BadUnion, Error("[\"null\",\"int\"]", "\"long\"", "00"));
        Assert.Equal("0006", Hex("[\"null\",\"int\"]", "[\"long\",\"null\"]", "0206"));
        Assert.Equal("02", Hex("[\"null\",\"int\"]", "[\"long\",\"null\"]", "00"));
        Assert.Equal("020261", Hex("\"string\"", "[\"bytes\",\"string\"]", "0261"));
        Assert.Equal(DecodeError.BadUnion, Error("[\"null\",\"int\"]", "\"long\"", "04"));
        Assert.Contains("cannot be read as", Refusal("[\"null\",\"boolean\"]", "\"string\""), StringComparison.Ordinal);
    }

    [Fact]
    public void Logical_types_that_differ_are_refused_for_Avro_does_not_convert_them()
    {
        const string Millis = """{"type":"long","logicalType":"timestamp-millis"}""";
        const string Micros = """{"type":"long","logicalType":"timestamp-micros"}""";

        Assert.Contains("timestamp-millis cannot be read as timestamp-micros", Refusal(Record(Field("t", Millis)), Record(Field("t", Micros))), StringComparison.Ordinal);
        Assert.Equal("06", Hex("\"long\"", Micros, "06"));
        Assert.Equal("06", Hex(Micros, "\"long\"", "06"));
    }

    [Fact]
    public void Blocks_with_a_size_become_plain_ones_and_a_wrong_size_is_an_error()
    {
        const string Ints = """{"type":"array","items":"int"}""";
        const string Longs = """{"type":"array","items":"long"}""";

        Assert.Equal("04020402" + "0600", Hex(Ints, Longs, "03040204" + "0206" + "00"));
        Assert.Equal(DecodeError.BadBlock, Error(Ints, Longs, "03060204" + "0600"));
        Assert.Equal(DecodeError.Truncated, Error(Ints, Longs, "FEFFFFFF0F"));
        Assert.Equal(DecodeError.BadLength, Error(Ints, Longs, "FFFFFFFFFFFFFFFFFF0100"));
        Assert.Equal(
            "02" + "0261" + "00008040" + "00",
            Hex("""{"type":"map","values":"int"}""", """{"type":"map","values":"float"}""", "0106" + "026108" + "00"));
    }

    [Fact]
    public void Fixed_keeps_its_size()
    {
        const string Four = """{"type":"fixed","name":"F","size":4}""";

        Assert.Equal("01020304", Hex(Four, Four, "01020304"));
        Assert.Equal(DecodeError.Truncated, Error(Four, Four, "010203"));
        Assert.Contains("cannot be read as", Refusal(Four, """{"type":"fixed","name":"F","size":5}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Recursive_record_is_resolved_as_deep_as_the_bound()
    {
        const string Writer = """{"type":"record","name":"N","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","N"]}]}""";
        const string Reader = """{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]},{"name":"v","type":"long"}]}""";

        Assert.Equal("02000402", Hex(Writer, Reader, "02020400"));
        Assert.Equal(DecodeError.None, Run(Plan(Writer, Reader), Chain(ResolutionPlan.MaxDepth)).Error);
        Assert.Equal(DecodeError.TooDeep, Run(Plan(Writer, Reader), Chain(ResolutionPlan.MaxDepth + 1)).Error);
        Assert.Equal(DecodeError.TooDeep, Run(Plan(Writer, Reader), Chain(1_000_000)).Error);
        Assert.True(Plan(Writer, Writer).IsIdentity);

        static byte[] Chain(int length) => [.. Enumerable.Repeat(new byte[] { 2, 2 }, length - 1).SelectMany(node => node), 2, 0];
    }

    [Fact]
    public void R15_Record_that_grows_when_unpacked_is_too_large()
    {
        var writer = Record(Field("items", """{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"n","type":"int"}]}}"""));
        var big = new string('x', 1000);
        var item = Record(Field("n", "\"int\"") + "," + Field("d", "\"string\"", $",\"default\":\"{big}\"")).Replace("\"R\"", "\"I\"", StringComparison.Ordinal);
        var reader = Record(Field("items", $"{{\"type\":\"array\",\"items\":{item}}}"));
        byte[] body = [0xD0, 0x0F, .. new byte[1000], 0];

        Assert.Equal(DecodeError.TooLarge, Run(Plan(writer, reader), body, maxOutputBytes: 100_000).Error);
        Assert.Equal(DecodeError.None, Run(Plan(writer, reader), body, maxOutputBytes: 2_000_000).Error);
    }

    [Fact]
    public void R15_Array_of_a_billion_nothings_is_too_large() => Assert.Equal(
        DecodeError.TooLarge,
        Error("""{"type":"array","items":"null"}""", """{"type":"array","items":"null"}""", "FEFFFFFF0F" + "00"));

    [Fact]
    public void Error_names_the_writers_field()
    {
        var plan = Plan(Record(Field("a", "\"int\"") + "," + Field("b", "\"boolean\"")), Record(Field("a", "\"long\"")));
        using var buffer = new PooledBuffer();

        Assert.Equal(DecodeError.BadBoolean, plan.TryTranscode([2, 7], buffer, 100, out var field));
        Assert.Equal("b", field);
    }

    [Fact]
    public void Bytes_left_over_are_an_error() => Assert.Equal(DecodeError.TrailingBytes, Error("\"int\"", "\"long\"", "0200"));

    [Fact]
    public void Output_before_a_failed_record_stays()
    {
        using var buffer = new PooledBuffer();
        var plan = Plan("\"string\"", "\"bytes\"");

        Assert.Equal(DecodeError.None, plan.TryTranscode([2, (byte)'a'], buffer, 10));
        Assert.Equal(DecodeError.Truncated, plan.TryTranscode([4, (byte)'b'], buffer, 10));
        Assert.Equal(DecodeError.None, plan.TryTranscode([2, (byte)'c'], buffer, 10));
        Assert.Equal("02610263", Convert.ToHexString(buffer.WrittenSpan));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{\"type\":\"record\"}")]
    [InlineData("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{}]}")]
    [InlineData("{\"type\":\"enum\",\"name\":\"E\"}")]
    [InlineData("{\"type\":\"fixed\",\"name\":\"F\"}")]
    [InlineData("{\"type\":\"nonsense\"}")]
    public void Text_that_is_no_schema_is_refused_with_a_reason(string schema) =>
        Assert.NotEmpty(Refusal(schema, "\"int\""));

    [Fact]
    public void Our_schemas_read_themselves_as_they_are()
    {
        foreach (var schema in new[] { TokenEvent.SchemaJson, SourceReport.SchemaJson, Price.SchemaJson, DeadLetter.SchemaJson })
            Assert.True(Plan(schema, schema).IsIdentity);
    }

    [Fact]
    public void TokenEvent_of_a_newer_and_an_older_writer_is_read_without_allocation()
    {
        var newer = TokenEvent.SchemaJson.Replace("\"fields\":[", "\"fields\":[{\"name\":\"added\",\"type\":[\"null\",\"string\"],\"default\":null},", StringComparison.Ordinal);
        var plan = Plan(newer, TokenEvent.SchemaJson);
        byte[] body = [2, 4, (byte)'h', (byte)'i', .. Samples.Encode(Samples.TokenEvent())];
        using var buffer = new PooledBuffer();

        Assert.Equal(DecodeError.None, plan.TryTranscode(body, buffer, 1 << 20));
        Assert.Equal(Samples.Encode(Samples.TokenEvent()), buffer.WrittenSpan.ToArray());
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            buffer.Clear();
            plan.TryTranscode(body, buffer, 1 << 20);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
