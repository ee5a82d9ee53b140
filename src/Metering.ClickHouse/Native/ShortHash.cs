using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace Metering.ClickHouse.Native;

/// <summary>
/// A hash for the names that repeat in events: one wide multiplication up to 16 bytes, XxHash3 beyond. The values come
/// from outside: with secrets of the process nobody can choose ones that collide.
/// </summary>
internal static class ShortHash
{
    private static readonly ulong First = Secret();
    private static readonly ulong Second = Secret();

    public static uint Of(ReadOnlySpan<byte> value)
    {
        var length = value.Length;
        ulong low;
        ulong high;
        if (length is >= 8 and <= 16)
        {
            // The two ends overlap below 16 bytes; the length, mixed in below, keeps them apart.
            low = BinaryPrimitives.ReadUInt64LittleEndian(value);
            high = BinaryPrimitives.ReadUInt64LittleEndian(value[(length - 8)..]);
        }
        else if (length > 16)
        {
            low = XxHash3.HashToUInt64(value, (long)First);
            high = 0;
        }
        else if (length >= 4)
        {
            low = BinaryPrimitives.ReadUInt32LittleEndian(value);
            high = BinaryPrimitives.ReadUInt32LittleEndian(value[(length - 4)..]);
        }
        else
        {
            low = length == 0 ? 0 : ((ulong)value[0] << 16) | ((ulong)value[length >> 1] << 8) | value[length - 1];
            high = 0;
        }
        var upper = Math.BigMul(low ^ First, high ^ Second ^ (ulong)length, out var lower);
        var mixed = upper ^ lower;
        return (uint)(mixed ^ (mixed >> 32));
    }

    private static ulong Secret() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
}
