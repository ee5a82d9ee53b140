namespace Metering.LocalBroker.Log;

/// <summary>Goes through a batch's records, uncompressed. Never reads beyond them, whatever they say.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> records)
{
    private ReadOnlySpan<byte> _rest = records;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <returns>False when the bytes are no record.</returns>
    public bool TryRead(out BatchRecord record)
    {
        record = default;
        var rest = _rest;
        if (!Varint.TryRead(ref rest, out var length) || length < 0 || length > rest.Length)
            return false;
        var body = rest[..(int)length];
        var whole = _rest[..(_rest.Length - rest.Length + (int)length)];
        _rest = rest[(int)length..];
        if (body.IsEmpty)
            return false;
        body = body[1..]; // attributes: unused
        if (!Varint.TryRead(ref body, out var timestampDelta) || !Varint.TryRead(ref body, out var offsetDelta) || offsetDelta is < 0 or > int.MaxValue)
            return false;
        if (!TryReadBytes(ref body, out var key, out var hasKey))
            return false;
        var behindKey = body;
        if (!TryReadBytes(ref body, out _, out var hasValue))
            return false;
        record = new(whole, timestampDelta, (int)offsetDelta, hasKey, key, hasValue, behindKey);
        return AreHeaders(body);
    }

    private static bool AreHeaders(ReadOnlySpan<byte> rest)
    {
        if (!Varint.TryRead(ref rest, out var count) || count < 0)
            return false;
        for (; count > 0; count--)
        {
            if (!TryReadBytes(ref rest, out _, out var hasName) || !hasName || !TryReadBytes(ref rest, out _, out _))
                return false;
        }
        return rest.IsEmpty;
    }

    private static bool TryReadBytes(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> bytes, out bool isPresent)
    {
        bytes = default;
        isPresent = false;
        if (!Varint.TryRead(ref rest, out var length) || length > rest.Length)
            return false;
        if (length < 0)
            return true;
        isPresent = true;
        bytes = rest[..(int)length];
        rest = rest[(int)length..];
        return true;
    }
}

/// <param name="whole">With its length before it.</param>
/// <param name="behindKey">Value and headers.</param>
internal readonly ref struct BatchRecord(
    ReadOnlySpan<byte> whole, long timestampDelta, int offsetDelta, bool hasKey, ReadOnlySpan<byte> key, bool hasValue, ReadOnlySpan<byte> behindKey)
{
    public ReadOnlySpan<byte> Whole { get; } = whole;

    public ReadOnlySpan<byte> Key { get; } = key;

    public ReadOnlySpan<byte> BehindKey { get; } = behindKey;

    public long TimestampDelta => timestampDelta;

    public int OffsetDelta => offsetDelta;

    public bool HasKey => hasKey;

    /// <summary>False for a tombstone.</summary>
    public bool HasValue => hasValue;
}

/// <summary>Zigzag varints, as records use them.</summary>
internal static class Varint
{
    public static bool TryRead(scoped ref ReadOnlySpan<byte> from, out long value)
    {
        ulong raw = 0;
        for (var i = 0; i < from.Length && i < 10; i++)
        {
            raw |= (ulong)(from[i] & 0x7f) << (7 * i);
            if ((from[i] & 0x80) != 0)
                continue;
            from = from[(i + 1)..];
            value = (long)(raw >> 1) ^ -(long)(raw & 1);
            return true;
        }
        value = 0;
        return false;
    }

    public static int Write(Span<byte> to, long value)
    {
        var raw = (ulong)((value << 1) ^ (value >> 63));
        var count = 0;
        for (; raw >= 0x80; raw >>= 7)
            to[count++] = (byte)(raw | 0x80);
        to[count++] = (byte)raw;
        return count;
    }
}
