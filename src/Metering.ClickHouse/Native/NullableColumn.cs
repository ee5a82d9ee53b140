using System.Buffers;

namespace Metering.ClickHouse.Native;

/// <summary>Nullable(T) of a fixed-width type: a byte a row that is 1 for NULL, then the values.</summary>
public sealed class NullableColumn<T> : NativeColumn
    where T : unmanaged
{
    private readonly FixedColumn<byte> _nulls = new("nulls", "UInt8");
    private readonly FixedColumn<T> _values;

    internal NullableColumn(string name, string type)
        : base(name, $"Nullable({type})") => _values = new FixedColumn<T>(name, type);

    internal override long DataBytes => _nulls.DataBytes + _values.DataBytes;

    public void Append(T value)
    {
        _nulls.Append(0);
        _values.Append(value);
        Count++;
    }

    public void Append(T? value)
    {
        if (value is { } known)
            Append(known);
        else
            AppendNull();
    }

    public void AppendNull()
    {
        _nulls.Append(1);
        _values.Append(default);
        Count++;
    }

    internal override void Reset()
    {
        Count = 0;
        _nulls.Reset();
        _values.Reset();
    }

    internal override void DropLast()
    {
        Count--;
        _nulls.DropLast();
        _values.DropLast();
    }

    internal override void WriteData(IBufferWriter<byte> output)
    {
        _nulls.WriteData(output);
        _values.WriteData(output);
    }
}
