using System.Buffers;
using System.Text;

namespace Metering.ClickHouse.Native;

/// <summary>
/// One column of a <see cref="NativeBlock"/>. Values are kept as they stand on the wire, in arrays that grow and are
/// reused: after the first blocks nothing is allocated. For one thread.
/// </summary>
public abstract class NativeColumn
{
    private readonly byte[] _header;

    private protected NativeColumn(string name, string type)
    {
        Name = name;
        Type = type;
        var writer = new ArrayBufferWriter<byte>();
        WriteText(writer, name);
        WriteText(writer, type);
        _header = writer.WrittenSpan.ToArray();
    }

    public string Name { get; }

    /// <summary>The ClickHouse type on the wire; the engine converts it to the table's own.</summary>
    public string Type { get; }

    /// <summary>Values appended since the last reset, that of a row not yet ended included.</summary>
    public int Count { get; private protected set; }

    /// <summary>Bytes of name and type.</summary>
    internal int HeaderBytes => _header.Length;

    /// <summary>Exactly what <see cref="WritePrefix"/> and <see cref="WriteData"/> will write; not called for no rows.</summary>
    internal abstract long DataBytes { get; }

    internal abstract void Reset();

    /// <summary>Drops the last value.</summary>
    internal abstract void DropLast();

    internal void WriteHeader(IBufferWriter<byte> output) => output.Write(_header);

    /// <summary>What a type writes before the data of all nested columns (LowCardinality's version).</summary>
    internal virtual void WritePrefix(IBufferWriter<byte> output)
    {
    }

    internal abstract void WriteData(IBufferWriter<byte> output);

    private static void WriteText(ArrayBufferWriter<byte> output, string text)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        output.Advance(Varint.Write(output.GetSpan(Varint.MaxBytes), (ulong)bytes));
        output.Advance(Encoding.UTF8.GetBytes(text, output.GetSpan(bytes)));
    }
}
