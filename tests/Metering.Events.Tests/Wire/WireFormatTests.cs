namespace Metering.Events.Tests.Wire;

public sealed class WireFormatTests
{
    [Fact]
    public void R16_TryReadHeader_splits_id_and_body()
    {
        Assert.True(WireFormat.TryReadHeader([0, 0, 1, 2, 3, 9], out var id, out var body));
        Assert.Equal(0x010203, id);
        Assert.Equal([9], body.ToArray());
    }

    [Fact]
    public void R16_TryReadHeader_passes_an_id_below_one_on_for_the_caller_to_refuse()
    {
        Assert.True(WireFormat.TryReadHeader([0, 255, 255, 255, 255], out var id, out var body));
        Assert.Equal(-1, id);
        Assert.True(body.IsEmpty);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000001")]
    [InlineData("0100000001AA")]
    [InlineData("7B22736F75726365223A")]
    public void TryReadHeader_of_what_is_not_wire_format_is_false(string hex) =>
        Assert.False(WireFormat.TryReadHeader(Convert.FromHexString(hex), out _, out _));

    [Fact]
    public void Write_puts_the_header_before_the_body()
    {
        using var buffer = new PooledBuffer(16);

        WireFormat.Write(buffer, 77, Samples.TokenEvent());

        Assert.True(WireFormat.TryReadHeader(buffer.WrittenSpan, out var id, out var body));
        Assert.Equal(77, id);
        Assert.Equal(Samples.Encode(Samples.TokenEvent()), body.ToArray());
    }

    [Fact]
    public void PooledBuffer_grows_and_keeps_what_was_written()
    {
        using var buffer = new PooledBuffer(16);
        var writer = new AvroWriter(buffer);
        for (var i = 0; i < 10_000; i++)
            writer.WriteLong(i);
        writer.Flush();

        var reader = new AvroReader(buffer.WrittenSpan);
        var position = 0;
        for (var i = 0; i < 10_000; i++)
        {
            position = reader.ReadLong(position, out var value);
            Assert.Equal(i, value);
        }
        Assert.Equal(buffer.WrittenBytes, position);
    }
}
