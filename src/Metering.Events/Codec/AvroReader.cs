using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Metering.Events;

/// <summary>
/// Reads Avro's binary encoding out of a span. Every read takes a position and returns the next one, or minus the
/// <see cref="DecodeError"/>: so the position lives in a register of the caller, and nothing is thrown for a bad record.
/// Never reads beyond its span whatever the bytes say, and takes no memory.
/// </summary>
public readonly ref struct AvroReader
{
    private readonly ref byte _start;
    private readonly int _length;

    public AvroReader(ReadOnlySpan<byte> body)
    {
        _start = ref MemoryMarshal.GetReference(body);
        _length = body.Length;
    }

    /// <summary>Bytes in the body.</summary>
    public int Length => _length;

    /// <summary>The error that a negative position stands for.</summary>
    public static DecodeError ErrorOf(int position) => position < 0 ? (DecodeError)(-position) : DecodeError.None;

    /// <summary>The negative position that stands for an error.</summary>
    public static int Fail(DecodeError error) => -(int)error;

    /// <summary>Bytes [from, to) of the body, of which the caller knows that they are inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Slice(int from, int to) => MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref _start, from), to - from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadLong(int position, out long value)
    {
        if (position < _length)
        {
            uint first = Unsafe.Add(ref _start, position);
            if (first < 0x80)
            {
                value = (first >> 1) ^ -(long)(first & 1);
                return position + 1;
            }
        }
        // The address of a temporary is passed, so that the caller's own variable can stay in a register.
        var next = ReadLongSlow(ref _start, position, _length, out var slow);
        value = slow;
        return next;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadInt(int position, out int value)
    {
        var next = ReadLong(position, out var wide);
        value = (int)wide;
        return value == wide ? next : Fail(DecodeError.BadVarint);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadBoolean(int position, out bool value)
    {
        value = false;
        if (position >= _length)
            return Fail(DecodeError.Truncated);
        uint octet = Unsafe.Add(ref _start, position);
        value = octet == 1;
        return octet <= 1 ? position + 1 : Fail(DecodeError.BadBoolean);
    }

    public int ReadFloat(int position, out float value)
    {
        value = 0;
        if (_length - position < sizeof(float))
            return Fail(DecodeError.Truncated);
        value = BinaryPrimitives.ReadSingleLittleEndian(Slice(position, position + sizeof(float)));
        return position + sizeof(float);
    }

    public int ReadDouble(int position, out double value)
    {
        value = 0;
        if (_length - position < sizeof(double))
            return Fail(DecodeError.Truncated);
        value = BinaryPrimitives.ReadDoubleLittleEndian(Slice(position, position + sizeof(double)));
        return position + sizeof(double);
    }

    /// <summary>Reads an enum's index, which must be below <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadEnum(int position, int count, out int index) => ReadIndex(position, count, DecodeError.BadEnum, out index);

    /// <summary>Reads a union's branch, which must be below <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadUnion(int position, int count, out int branch) => ReadIndex(position, count, DecodeError.BadUnion, out branch);

    /// <summary>Reads the length of bytes that follow, all of which are there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadLength(int position, out int length)
    {
        if (position < _length)
        {
            uint first = Unsafe.Add(ref _start, position);
            length = (int)(first >> 1);
            if ((first & 0x81) == 0 && length < _length - position)
                return position + 1;
        }
        var next = ReadLengthSlow(ref _start, position, _length, out var slow);
        length = slow;
        return next;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadBytes(int position, out ReadOnlySpan<byte> value)
    {
        position = ReadLength(position, out var length);
        if (position < 0)
        {
            value = default;
            return position;
        }
        value = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref _start, position), length);
        return position + length;
    }

    /// <summary>Reads a string's bytes and sees to it that they are UTF-8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadString(int position, out ReadOnlySpan<byte> value)
    {
        position = ReadBytes(position, out value);
        return position < 0 || Utf8Check.IsValid(value) ? position : Fail(DecodeError.BadUtf8);
    }

    /// <summary>
    /// Reads the head of a block of an array or map whose items take a byte or more each.
    /// </summary>
    /// <param name="position">Where the block begins.</param>
    /// <param name="count">Its items; 0 ends the array or map.</param>
    /// <param name="end">Where the block ends if it says so itself, else -1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadBlock(int position, out int count, out int end)
    {
        end = -1;
        count = 0;
        if (position < _length && Unsafe.Add(ref _start, position) == 0)
            return position + 1;
        var next = ReadBlockSlow(position, 1, out var slowCount, out var slowEnd);
        count = slowCount;
        end = slowEnd;
        return next;
    }

    /// <summary>As <see cref="ReadBlock"/>, for items that take at least <paramref name="minimumBytes"/> bytes each, which may be 0.</summary>
    public int ReadBlockSlow(int position, int minimumBytes, out int count, out int end)
    {
        end = -1;
        count = 0;
        position = ReadLong(position, out var items);
        if (position < 0)
            return position;
        if (items < 0)
        {
            if (items < -int.MaxValue)
                return Fail(DecodeError.BadLength);
            items = -items;
            position = ReadLength(position, out var bytes);
            if (position < 0)
                return position;
            end = position + bytes;
        }
        if (items > int.MaxValue)
            return Fail(DecodeError.BadLength);
        // Counts are held against what is left before anybody takes memory for the items.
        if (items * minimumBytes > _length - position)
            return Fail(DecodeError.Truncated);
        count = (int)items;
        return position;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ReadIndex(int position, int count, DecodeError error, out int index)
    {
        position = ReadLong(position, out var wide);
        index = (int)wide;
        return position < 0 || (ulong)wide < (ulong)count ? position : Fail(error);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadLengthSlow(ref byte start, int position, int end, out int length)
    {
        length = 0;
        var next = ReadLongSlow(ref start, position, end, out var wide);
        if (next < 0)
            return next;
        if (wide is < 0 or > int.MaxValue)
            return Fail(DecodeError.BadLength);
        if (wide > end - next)
            return Fail(DecodeError.Truncated);
        length = (int)wide;
        return next;
    }

    /// <summary>Numbers of more than one byte: up to eight bytes without a loop, when eight can be loaded.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadLongSlow(ref byte start, int position, int end, out long value)
    {
        if (end - position >= sizeof(ulong))
        {
            var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, position));
            if (!BitConverter.IsLittleEndian)
                word = BinaryPrimitives.ReverseEndianness(word);
            var stops = ~word & 0x8080808080808080;
            // Keep the bytes up to the first without a continuation bit (all of them if each has one).
            word &= stops ^ (stops - 1);
            var groups = CloseGaps(word);
            if (stops != 0)
            {
                value = (long)(groups >> 1) ^ -(long)(groups & 1);
                return position + (BitOperations.TrailingZeroCount(stops) >> 3) + 1;
            }
            return ReadLastTwo(ref start, position + sizeof(ulong), end, groups, out value);
        }
        return ReadLongBytewise(ref start, position, end, out value);
    }

    /// <summary>The seven-bit groups of eight bytes, side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong CloseGaps(ulong word)
    {
        word &= 0x7F7F7F7F7F7F7F7F;
        word = (word & 0x007F007F007F007F) | ((word & 0x7F007F007F007F00) >> 1);
        word = (word & 0x00003FFF00003FFF) | ((word & 0x3FFF00003FFF0000) >> 2);
        return (word & 0x000000000FFFFFFF) | ((word & 0x0FFFFFFF00000000) >> 4);
    }

    /// <summary>The ninth and tenth byte, which numbers of 56 bits and more have, epochs and hashes among them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadLastTwo(ref byte start, int position, int end, ulong groups, out long value)
    {
        value = 0;
        if (position >= end)
            return Fail(DecodeError.Truncated);
        ulong octet = Unsafe.Add(ref start, position++);
        groups |= (octet & 0x7F) << 56;
        if (octet >= 0x80)
        {
            if (position >= end)
                return Fail(DecodeError.Truncated);
            octet = Unsafe.Add(ref start, position++);
            if (octet > 1)
                return Fail(DecodeError.BadVarint);
            groups |= octet << 63;
        }
        value = (long)(groups >> 1) ^ -(long)(groups & 1);
        return position;
    }

    private static int ReadLongBytewise(ref byte start, int position, int end, out long value)
    {
        value = 0;
        ulong raw = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (position >= end)
                return Fail(DecodeError.Truncated);
            ulong octet = Unsafe.Add(ref start, position++);
            if (shift == 63 && octet > 1)
                return Fail(DecodeError.BadVarint);
            raw |= (octet & 0x7F) << shift;
            if (octet < 0x80)
            {
                value = (long)(raw >> 1) ^ -(long)(raw & 1);
                return position;
            }
        }
        return Fail(DecodeError.BadVarint);
    }
}
