using System.Buffers;

namespace Metering.ClickHouse.Native;

/// <summary>Nullable(String).</summary>
public sealed class NullableStringColumn : NativeColumn
{
    private readonly FixedColumn<byte> _nulls = new("nulls", "UInt8");
    private readonly StringColumn _values;

    internal NullableStringColumn(string name)
        : base(name, "Nullable(String)") => _values = new StringColumn(name);

    internal override long DataBytes => _nulls.DataBytes + _values.DataBytes;

    public void Append(ReadOnlySpan<byte> utf8)
    {
        _nulls.Append(0);
        _values.Append(utf8);
        Count++;
    }

    public void AppendNull()
    {
        _nulls.Append(1);
        _values.Append([]);
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
