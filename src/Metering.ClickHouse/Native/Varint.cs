namespace Metering.ClickHouse.Native;

/// <summary>ClickHouse's unsigned LEB128.</summary>
internal static class Varint
{
    public const int MaxBytes = 10;

    public static int Size(ulong value)
    {
        var bytes = 1;
        for (; value >= 0x80; value >>= 7)
            bytes++;
        return bytes;
    }

    /// <summary>Writes into <paramref name="target"/>, which has room; returns the bytes written.</summary>
    public static int Write(Span<byte> target, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
            target[at++] = (byte)(value | 0x80);
        target[at++] = (byte)value;
        return at;
    }

    /// <summary>False when the bytes end in the middle of the number, or it does not fit 64 bits.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int bytes)
    {
        value = 0;
        for (bytes = 0; bytes < source.Length && bytes < MaxBytes;)
        {
            var next = source[bytes];
            if (bytes == MaxBytes - 1 && next > 1)
                return false;
            value |= (ulong)(next & 0x7F) << (7 * bytes++);
            if (next < 0x80)
                return true;
        }
        return false;
    }
}
