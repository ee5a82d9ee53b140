using System.Buffers;
using System.Buffers.Binary;

namespace Metering.ClickHouse.Native;

/// <summary>Values of so many bytes each: FixedString(n), UUID.</summary>
public sealed class FixedBytesColumn : NativeColumn
{
    private readonly int _width;
    private byte[] _bytes;

    internal FixedBytesColumn(string name, string type, int width)
        : base(name, type)
    {
        _width = width;
        _bytes = new byte[64 * width];
    }

    internal override long DataBytes => (long)Count * _width;

    /// <exception cref="ArgumentException">Not of the column's width.</exception>
    public void Append(ReadOnlySpan<byte> value)
    {
        if (value.Length != _width)
            throw new ArgumentException($"Column {Name} takes values of {_width} bytes, this one has {value.Length}.", nameof(value));
        value.CopyTo(Next());
    }

    /// <summary>A UUID as ClickHouse keeps it: two numbers of 64 bits, the high one first, each little-endian.</summary>
    public void Append(Guid value)
    {
        if (_width != 16)
            throw new InvalidOperationException($"Column {Name} is {Type}, not UUID.");
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        var target = Next();
        BinaryPrimitives.WriteUInt64LittleEndian(target, BinaryPrimitives.ReadUInt64BigEndian(bytes));
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
    }

    internal override void Reset() => Count = 0;

    internal override void DropLast() => Count--;

    internal override void WriteData(IBufferWriter<byte> output) => output.Write(_bytes.AsSpan(0, Count * _width));

    private Span<byte> Next()
    {
        var at = Count * _width;
        if (at + _width > _bytes.Length)
            Array.Resize(ref _bytes, _bytes.Length * 2);
        Count++;
        return _bytes.AsSpan(at, _width);
    }
}
