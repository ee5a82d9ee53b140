using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

public sealed class ProtocolReaderTests
{
    [Theory]
    [InlineData("7fffffff", false)] // more elements than bytes
    [InlineData("80000000", false)] // negative
    [InlineData("fffffffe", false)] // −2
    [InlineData("ffffffff0f", true)] // more than fits
    [InlineData("ffffffffff01", true)] // does not end
    [InlineData("ffffffff1f", true)] // more than 32 bits
    [InlineData("05000000", true)] // 4 elements, 3 bytes
    public void Array_whose_length_is_a_lie_is_malformed(string hex, bool flexible) =>
        Assert.Throws<MalformedRequestException>(() => new ProtocolReader(Convert.FromHexString(hex), flexible).NullableArray());

    [Theory]
    [InlineData("7fff61", false)]
    [InlineData("fffe", false)]
    [InlineData("0002ff28", false)] // not UTF-8
    [InlineData("0561", true)]
    [InlineData("", true)]
    public void String_whose_length_is_a_lie_is_malformed(string hex, bool flexible) =>
        Assert.Throws<MalformedRequestException>(() => new ProtocolReader(Convert.FromHexString(hex), flexible).NullableString());

    [Theory]
    [InlineData("ffff", false)]
    [InlineData("00", true)]
    public void Null_string_where_none_may_be_is_malformed(string hex, bool flexible)
    {
        Assert.Null(new ProtocolReader(Convert.FromHexString(hex), flexible).NullableString());
        Assert.Throws<MalformedRequestException>(() => new ProtocolReader(Convert.FromHexString(hex), flexible).String());
    }

    [Fact]
    public void Tags_that_are_unknown_are_passed()
    {
        var reader = new ProtocolReader(Convert.FromHexString("02" + "6402aabb" + "80010101" + "2a"), flexible: true);
        reader.Tags();
        Assert.Equal(0x2a, reader.Int8());
        Assert.Equal(0, reader.Remaining);
    }

    [Theory]
    [InlineData("0164ffffffff0f")]
    [InlineData("ffffffff0f")]
    public void Tags_that_are_a_lie_are_malformed(string hex) =>
        Assert.Throws<MalformedRequestException>(() => new ProtocolReader(Convert.FromHexString(hex), flexible: true).Tags());

    [Fact]
    public void Arrays_of_too_many_elements_in_all_are_malformed()
    {
        var bytes = new byte[WireLimits.ElementsPerRequest + 100];
        bytes[1] = 0x06;
        bytes[2] = 0x1A;
        bytes[3] = 0x80; // 400,000
        bytes[5] = 0x06;
        bytes[6] = 0x1A;
        bytes[7] = 0x80;
        Assert.Throws<MalformedRequestException>(() =>
        {
            var reader = new ProtocolReader(bytes, flexible: false);
            Assert.Equal(400_000, reader.Array());
            reader.Array();
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fields_written_read_back_the_same(bool flexible)
    {
        var id = Guid.NewGuid();
        using var writer = new ProtocolWriter(flexible);
        writer.Bool(true);
        writer.Int16(-2);
        writer.Int32(int.MinValue);
        writer.Int64(long.MaxValue);
        writer.Uuid(id);
        writer.String("grüße");
        writer.String(null);
        writer.String(new string('x', 300));
        writer.Bytes(new byte[200]);
        writer.Array(3);
        writer.Array(-1);
        writer.Tags();
        var reader = new ProtocolReader(writer.Complete().Span[4..], flexible);
        Assert.True(reader.Bool());
        Assert.Equal(-2, reader.Int16());
        Assert.Equal(int.MinValue, reader.Int32());
        Assert.Equal(long.MaxValue, reader.Int64());
        Assert.Equal(id, reader.Uuid());
        Assert.Equal("grüße", reader.String());
        Assert.Null(reader.NullableString());
        Assert.Equal(new string('x', 300), reader.String());
        Assert.Equal(200, reader.Bytes().Length);
    }

    [Fact]
    public void BecomeLost_turns_only_the_successes_into_errors()
    {
        using var writer = new ProtocolWriter(flexible: false);
        writer.Error(ErrorCode.None, ErrorCode.KafkaStorageError);
        writer.Error(ErrorCode.UnknownTopicOrPartition, ErrorCode.KafkaStorageError);
        writer.Error(ErrorCode.None);
        writer.BecomeLost();
        Assert.Equal("0038" + "0003" + "0000", Convert.ToHexString(writer.Complete().Span[4..]));
    }
}
