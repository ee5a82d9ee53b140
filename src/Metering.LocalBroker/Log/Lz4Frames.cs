using System.Buffers;
using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace Metering.LocalBroker.Log;

/// <summary>LZ4 in its frame format, as Kafka's clients write it. Blocks may refer to those before (librdkafka's do not say otherwise). The
/// checksums within are not verified: the batch's own covers them.</summary>
internal static class Lz4Frames
{
    private const uint Magic = 0x184D2204;
    private const int WindowBytes = 64 * 1024;
    private const byte IndependentBit = 0x20;
    private const byte BlockChecksumBit = 0x10;
    private const byte SizeBit = 0x08;
    private const byte DictionaryBit = 0x01;
    private const uint StoredBit = 0x80000000;

    public static PlainRecords Decompress(ReadOnlySpan<byte> packed)
    {
        PlainRecords plain = new(packed.Length * 3);
        try
        {
            if (packed.Length < 7 || BinaryPrimitives.ReadUInt32LittleEndian(packed) != Magic)
                throw new InvalidDataException("no LZ4 frame");
            var flags = packed[4];
            var blockBytes = BlockSize(packed[5] >> 4);
            var at = 6 + ((flags & SizeBit) != 0 ? 8 : 0) + ((flags & DictionaryBit) != 0 ? 4 : 0) + 1;
            while (true)
            {
                var size = BinaryPrimitives.ReadUInt32LittleEndian(packed[at..]);
                at += 4;
                if (size == 0)
                    return plain; // what may follow is the checksum of the content
                var length = (int)(size & ~StoredBit);
                var block = packed.Slice(at, length);
                at += length + ((flags & BlockChecksumBit) != 0 ? 4 : 0);
                if ((size & StoredBit) != 0)
                    plain.Write(block);
                else
                    Decode(block, plain, blockBytes, (flags & IndependentBit) != 0);
            }
        }
        catch
        {
            plain.Dispose();
            throw;
        }
    }

    public static PlainRecords Compress(ReadOnlySpan<byte> plain)
    {
        const int blockBytes = 64 * 1024;
        PlainRecords packed = new(plain.Length / 2 + 64);
        var header = packed.GetSpan(7);
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = 0x40 | IndependentBit; // version 1
        header[5] = 4 << 4; // blocks of 64 KB
        header[6] = HeaderChecksum;
        packed.Advance(7);
        while (!plain.IsEmpty)
        {
            var block = plain[..Math.Min(blockBytes, plain.Length)];
            var to = packed.GetSpan(4 + LZ4Codec.MaximumOutputSize(block.Length));
            var length = LZ4Codec.Encode(block, to[4..]);
            var isStored = length <= 0 || length >= block.Length;
            if (isStored)
            {
                block.CopyTo(to[4..]);
                length = block.Length;
            }
            BinaryPrimitives.WriteUInt32LittleEndian(to, (uint)length | (isStored ? StoredBit : 0));
            packed.Advance(4 + length);
            plain = plain[block.Length..];
        }
        packed.GetSpan(4)[..4].Clear();
        packed.Advance(4);
        return packed;
    }

    /// <summary>The second byte of XXH32 over flags 0x60 and block size 0x40, which never change.</summary>
    private const byte HeaderChecksum = 0x82;

    private static void Decode(ReadOnlySpan<byte> block, PlainRecords plain, int blockBytes, bool isIndependent)
    {
        // The decoded bytes stand behind those that they may refer to.
        var to = plain.GetSpan(blockBytes)[..blockBytes];
        var before = plain.Span;
        var window = isIndependent ? [] : before[Math.Max(0, before.Length - WindowBytes)..];
        var length = window.IsEmpty ? LZ4Codec.Decode(block, to) : LZ4Codec.Decode(block, to, window);
        if (length < 0)
            throw new InvalidDataException("a block is damaged");
        plain.Advance(length);
    }

    private static int BlockSize(int code) => code switch
    {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => throw new InvalidDataException("no block size of LZ4"),
    };
}
