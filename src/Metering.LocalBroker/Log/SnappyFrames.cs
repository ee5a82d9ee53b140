using System.Buffers.Binary;
using Snappier;

namespace Metering.LocalBroker.Log;

/// <summary>Snappy as Kafka's clients write it: one plain block (librdkafka, older clients), or the frames of snappy-java: a header of 16
/// bytes, then blocks behind their length.</summary>
internal static class SnappyFrames
{
    private const int HeaderBytes = 16;
    private const int BlockBytes = 32 * 1024;

    private static ReadOnlySpan<byte> Magic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    public static PlainRecords Decompress(ReadOnlySpan<byte> packed)
    {
        PlainRecords plain = new(packed.Length * 2);
        try
        {
            if (!packed.StartsWith(Magic) || packed.Length < HeaderBytes)
            {
                Block(packed, plain);
                return plain;
            }
            packed = packed[HeaderBytes..];
            while (!packed.IsEmpty)
            {
                var length = packed.Length >= 4 ? BinaryPrimitives.ReadInt32BigEndian(packed) : -1;
                if (length < 0 || length > packed.Length - 4)
                    throw new InvalidDataException("a block ends behind the batch");
                Block(packed.Slice(4, length), plain);
                packed = packed[(4 + length)..];
            }
            return plain;
        }
        catch
        {
            plain.Dispose();
            throw;
        }
    }

    public static PlainRecords Compress(ReadOnlySpan<byte> plain)
    {
        PlainRecords packed = new(plain.Length / 2 + 64);
        var header = packed.GetSpan(HeaderBytes);
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32BigEndian(header[8..], 1);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], 1);
        packed.Advance(HeaderBytes);
        while (!plain.IsEmpty)
        {
            var block = plain[..Math.Min(BlockBytes, plain.Length)];
            var to = packed.GetSpan(4 + Snappy.GetMaxCompressedLength(block.Length));
            var length = Snappy.Compress(block, to[4..]);
            BinaryPrimitives.WriteInt32BigEndian(to, length);
            packed.Advance(4 + length);
            plain = plain[block.Length..];
        }
        return packed;
    }

    private static void Block(ReadOnlySpan<byte> block, PlainRecords to)
    {
        var length = Snappy.GetUncompressedLength(block);
        // Checked before memory is taken: the length is the sender's claim.
        if (length < 0 || length > Compression.MostBytes)
            throw new InvalidDataException("a block says that it is larger than a broker takes");
        to.Advance(Snappy.Decompress(block, to.GetSpan(length)));
    }
}
