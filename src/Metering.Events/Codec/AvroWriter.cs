using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Metering.Events;

/// <summary>
/// Writes Avro's binary encoding into an <see cref="IBufferWriter{T}"/> without garbage.
/// What was written arrives there with <see cref="Flush"/>, which the caller must not forget.
/// </summary>
public ref struct AvroWriter
{
    /// <summary>Bytes of the longest number.</summary>
    private const int MaxVarintBytes = 10;

    /// <summary>Up to this many characters take at most 63 bytes of UTF-8, whose length takes one byte.</summary>
    private const int ShortChars = 21;

    private readonly IBufferWriter<byte> _output;
    private Span<byte> _span;
    private int _position;

    public AvroWriter(IBufferWriter<byte> output)
    {
        _output = output;
        _span = output.GetSpan(256);
        _position = 0;
    }

    /// <summary>Hands what was written to the output. The writer can go on afterwards.</summary>
    public void Flush()
    {
        _output.Advance(_position);
        _span = default;
        _position = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteLong(long value)
    {
        var raw = (ulong)((value << 1) ^ (value >> 63));
        if (raw < 0x80 && _position < _span.Length)
            _span[_position++] = (byte)raw;
        else
            WriteVarint(raw);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteInt(int value) => WriteLong(value);

    public void WriteBoolean(bool value)
    {
        Reserve(1);
        _span[_position++] = value ? (byte)1 : (byte)0;
    }

    public void WriteFloat(float value)
    {
        Reserve(sizeof(float));
        BinaryPrimitives.WriteSingleLittleEndian(_span[_position..], value);
        _position += sizeof(float);
    }

    public void WriteDouble(double value)
    {
        Reserve(sizeof(double));
        BinaryPrimitives.WriteDoubleLittleEndian(_span[_position..], value);
        _position += sizeof(double);
    }

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteLong(value.Length);
        WriteRaw(value);
    }

    /// <summary>Bytes as they are, without a length.</summary>
    public void WriteRaw(ReadOnlySpan<byte> value)
    {
        Reserve(value.Length);
        value.CopyTo(_span[_position..]);
        _position += value.Length;
    }

    /// <summary>Writes a string; a lone surrogate in it becomes U+FFFD.</summary>
    /// <exception cref="ArgumentNullException">The value is null: the field named by <paramref name="field"/> must not be.</exception>
    public void WriteString(string value, [CallerArgumentExpression(nameof(value))] string? field = null)
    {
        ArgumentNullException.ThrowIfNull(value, field);
        if (value.Length <= ShortChars)
        {
            Reserve(1 + 3 * ShortChars);
            var bytes = Encoding.UTF8.GetBytes(value, _span[(_position + 1)..]);
            _span[_position] = (byte)(bytes << 1);
            _position += 1 + bytes;
            return;
        }
        var length = Encoding.UTF8.GetByteCount(value);
        WriteLong(length);
        Reserve(length);
        _position += Encoding.UTF8.GetBytes(value, _span[_position..]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteVarint(ulong raw)
    {
        Reserve(MaxVarintBytes);
        ref var start = ref MemoryMarshal.GetReference(_span);
        while (raw >= 0x80)
        {
            Unsafe.Add(ref start, _position++) = (byte)(raw | 0x80);
            raw >>= 7;
        }
        Unsafe.Add(ref start, _position++) = (byte)raw;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int bytes)
    {
        if (_span.Length - _position < bytes)
            Renew(bytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Renew(int bytes)
    {
        _output.Advance(_position);
        _span = _output.GetSpan(Math.Max(bytes, 256));
        _position = 0;
    }
}
