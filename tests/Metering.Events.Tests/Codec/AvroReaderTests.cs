using CsCheck;

namespace Metering.Events.Tests.Codec;

public sealed class AvroReaderTests
{
    [Fact]
    public void ReadLong_reads_every_number_at_every_distance_from_the_end() =>
        Gen.Select(Gen.OneOf(Gen.Long, Gen.Int[0, 63].Select(bit => 1L << bit), Gen.OneOf(long.MinValue, long.MaxValue)), Gen.Int[0, 12]).Sample((value, behind) =>
        {
            using var buffer = new PooledBuffer(32);
            var writer = new AvroWriter(buffer);
            writer.WriteLong(value);
            writer.Flush();
            byte[] bytes = [.. buffer.WrittenSpan, .. Enumerable.Repeat((byte)0xFF, behind)];
            return new AvroReader(bytes).ReadLong(0, out var read) == buffer.WrittenBytes && read == value;
        });

    [Fact]
    public void ReadLong_padded_with_empty_groups_is_read()
    {
        Assert.Equal(3, new AvroReader([0x82, 0x80, 0x00]).ReadLong(0, out var value));
        Assert.Equal(1, value);
    }

    [Theory]
    [InlineData("80808080808080808080", DecodeError.BadVarint)]
    [InlineData("8080808080808080808001", DecodeError.BadVarint)]
    [InlineData("FFFFFFFFFFFFFFFFFF02", DecodeError.BadVarint)]
    [InlineData("FFFFFFFFFFFFFFFFFF", DecodeError.Truncated)]
    [InlineData("FFFFFFFFFFFFFFFF", DecodeError.Truncated)]
    [InlineData("80", DecodeError.Truncated)]
    [InlineData("", DecodeError.Truncated)]
    public void ReadLong_overlong_or_cut_is_an_error(string hex, DecodeError expected) =>
        Assert.Equal(expected, AvroReader.ErrorOf(new AvroReader(Convert.FromHexString(hex)).ReadLong(0, out _)));

    [Fact]
    public void Floats_and_doubles_go_both_ways() => Gen.Select(Gen.Float, Gen.Double).Sample((single, real) =>
    {
        using var buffer = new PooledBuffer(16);
        var writer = new AvroWriter(buffer);
        writer.WriteFloat(single);
        writer.WriteDouble(real);
        writer.Flush();
        var reader = new AvroReader(buffer.WrittenSpan);
        return reader.ReadDouble(reader.ReadFloat(0, out var readSingle), out var readReal) == 12
            && readSingle.Equals(single) && readReal.Equals(real)
            && AvroReader.ErrorOf(reader.ReadDouble(5, out _)) == DecodeError.Truncated
            && AvroReader.ErrorOf(reader.ReadFloat(9, out _)) == DecodeError.Truncated;
    });

    [Fact]
    public void Utf8_judged_as_the_library_does() => Gen.Byte.Array[0, 80].Sample(bytes =>
    {
        // Mostly ASCII, so that the short ways through are taken.
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = bytes[i] < 250 ? (byte)(bytes[i] & 0x7F) : bytes[i];
        byte[] body = [(byte)(bytes.Length << 1 | (bytes.Length > 63 ? 0x80 : 0)), .. bytes.Length > 63 ? [1] : Array.Empty<byte>(), .. bytes];
        return AvroReader.ErrorOf(new AvroReader(body).ReadString(0, out _)) ==
            (System.Text.Unicode.Utf8.IsValid(bytes) ? DecodeError.None : DecodeError.BadUtf8);
    });
}
