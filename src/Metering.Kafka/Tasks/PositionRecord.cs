using System.Buffers.Binary;

namespace Metering.Kafka.Tasks;

/// <summary>
/// The changelog's entry that every commit writes beside the state: the next input offset (R8). It is what tells state and
/// offsets that do not belong together, after a topic or a group was deleted by hand, say.
/// </summary>
internal static class PositionRecord
{
    private const byte Version = 1;

    /// <summary>Reserved: no processor may save state under it.</summary>
    public static ReadOnlySpan<byte> Key => "position"u8;

    public static byte[] Encode(long nextOffset)
    {
        var value = new byte[9];
        value[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(value.AsSpan(1), nextOffset);
        return value;
    }

    /// <exception cref="InvalidDataException">Not a position: something else writes to this changelog.</exception>
    public static long Decode(ReadOnlySpan<byte> value)
    {
        if (value.Length != 9 || value[0] != Version || BinaryPrimitives.ReadInt64BigEndian(value[1..]) is var offset && offset < 0)
            throw new InvalidDataException("the changelog's position record cannot be read: it was written by another version or another program");
        return offset;
    }
}
