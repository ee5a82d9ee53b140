using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace Metering.ClickHouse.Http;

/// <summary>
/// ClickHouse's compressed frame: CityHash128 of what follows (16 bytes), method (1), compressed size with these 9
/// bytes (4), plain size (4), data.
/// </summary>
internal static class Frame
{
    public const int ChecksumBytes = 16;
    public const int HeaderBytes = 9;

    /// <summary>Plain bytes of one frame; what claims to be larger is refused before memory is taken. ClickHouse's own
    /// limit is 1 GB, its writers' usual size 1 MB.</summary>
    public const int MaxPlainBytes = 64 << 20;

    private const byte Lz4 = 0x82, Zstd = 0x90, None = 0x02;

    /// <summary>Encodes with LZ4, as ClickHouse does unless it is told otherwise.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> plain)
    {
        var frame = new byte[ChecksumBytes + HeaderBytes + LZ4Codec.MaximumOutputSize(plain.Length)];
        var length = LZ4Codec.Encode(plain, frame.AsSpan(ChecksumBytes + HeaderBytes));
        frame[ChecksumBytes] = Lz4;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(ChecksumBytes + 1), length + HeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(ChecksumBytes + 5), plain.Length);
        var whole = frame.AsSpan(0, ChecksumBytes + HeaderBytes + length);
        BinaryPrimitives.WriteUInt128LittleEndian(frame, CityHash128.Hash(whole[ChecksumBytes..]));
        return whole.ToArray();
    }

    /// <summary>The sizes that a frame's head claims.</summary>
    /// <exception cref="InvalidDataException">They are out of range.</exception>
    public static (int CompressedBytes, int PlainBytes) SizesOf(ReadOnlySpan<byte> head)
    {
        var compressed = BinaryPrimitives.ReadInt32LittleEndian(head[(ChecksumBytes + 1)..]) - (long)HeaderBytes;
        var plain = BinaryPrimitives.ReadInt32LittleEndian(head[(ChecksumBytes + 5)..]);
        if (compressed < 0 || plain < 0 || plain > MaxPlainBytes || compressed > LZ4Codec.MaximumOutputSize(MaxPlainBytes))
            throw new InvalidDataException($"a compressed frame claims {compressed} bytes for {plain} plain ones; at most {MaxPlainBytes} plain ones are taken");
        return ((int)compressed, plain);
    }

    /// <summary>Checks and decodes a whole frame.</summary>
    /// <exception cref="InvalidDataException">The checksum, the method or the data are wrong.</exception>
    public static byte[] Decode(ReadOnlySpan<byte> frame)
    {
        var (compressedBytes, plainBytes) = SizesOf(frame);
        if (BinaryPrimitives.ReadUInt128LittleEndian(frame) != CityHash128.Hash(frame[ChecksumBytes..]))
            throw new InvalidDataException("a compressed frame's checksum is wrong: the data were damaged on their way");
        var data = frame.Slice(ChecksumBytes + HeaderBytes, compressedBytes);
        var plain = new byte[plainBytes];
        var method = frame[ChecksumBytes];
        var length = method switch
        {
            Lz4 => LZ4Codec.Decode(data, plain),
            Zstd => Unzstd(data, plain),
            None when data.Length == plainBytes => Copy(data, plain),
            _ => throw new InvalidDataException($"a compressed frame's method is 0x{method:x2}; LZ4 (0x82), ZSTD (0x90) and none (0x02) are known"),
        };
        return length == plainBytes ? plain : throw new InvalidDataException($"a compressed frame holds {length} bytes instead of {plainBytes}");
    }

    private static int Unzstd(ReadOnlySpan<byte> data, byte[] plain)
    {
        try
        {
            using var decompressor = new ZstdSharp.Decompressor();
            return decompressor.Unwrap(data, plain);
        }
        catch (ZstdSharp.ZstdException error)
        {
            throw new InvalidDataException("a compressed frame is no ZSTD data: " + error.Message, error);
        }
    }

    private static int Copy(ReadOnlySpan<byte> data, byte[] plain)
    {
        data.CopyTo(plain);
        return data.Length;
    }
}
