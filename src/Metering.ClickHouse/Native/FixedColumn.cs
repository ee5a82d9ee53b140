using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Metering.ClickHouse.Native;

/// <summary>Values of one width: integers, DateTime64, Enum8, Bool, Decimal.</summary>
public sealed class FixedColumn<T> : NativeColumn
    where T : unmanaged
{
    private T[] _values = new T[64];

    internal FixedColumn(string name, string type)
        : base(name, type)
    {
    }

    internal override long DataBytes => (long)Count * Unsafe.SizeOf<T>();

    public void Append(T value)
    {
        var values = _values;
        var at = Count;
        if ((uint)at >= (uint)values.Length)
            values = Grow();
        values[at] = value;
        Count = at + 1;
    }

    internal override void Reset() => Count = 0;

    internal override void DropLast() => Count--;

    /// <summary>Keeps the first values only.</summary>
    internal void CutTo(int count) => Count = count;

    internal override void WriteData(IBufferWriter<byte> output) => output.Write(MemoryMarshal.AsBytes(_values.AsSpan(0, Count)));

    private T[] Grow()
    {
        Array.Resize(ref _values, _values.Length * 2);
        return _values;
    }
}
