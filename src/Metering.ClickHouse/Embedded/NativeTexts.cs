using System.Runtime.InteropServices;
using System.Text;

namespace Metering.ClickHouse.Embedded;

/// <summary>A statement's texts as UTF-8 in unmanaged memory, for the length of one call.</summary>
internal readonly unsafe ref struct NativeTexts : IDisposable
{
    private readonly byte* _memory;

    public NativeTexts(string sql, string format, IReadOnlyDictionary<string, string> parameters)
    {
        var count = parameters.Count;
        long bytes = Encoding.UTF8.GetByteCount(sql) + Encoding.UTF8.GetByteCount(format) + 4L * count * sizeof(nint);
        foreach (var (name, value) in parameters)
            bytes += Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value);

        _memory = (byte*)NativeMemory.Alloc((nuint)bytes + 1);
        Names = (byte**)_memory;
        Values = Names + count;
        NameBytes = (nuint*)(Values + count);
        ValueBytes = NameBytes + count;
        var next = (byte*)(ValueBytes + count);
        Sql = Put(sql, ref next, out SqlBytes);
        Format = Put(format, ref next, out FormatBytes);
        var i = 0;
        foreach (var (name, value) in parameters)
        {
            Names[i] = Put(name, ref next, out NameBytes[i]);
            Values[i] = Put(value, ref next, out ValueBytes[i]);
            i++;
        }
        Count = (nuint)count;
    }

    public readonly byte* Sql;
    public readonly nuint SqlBytes;
    public readonly byte* Format;
    public readonly nuint FormatBytes;
    public readonly byte** Names;
    public readonly nuint* NameBytes;
    public readonly byte** Values;
    public readonly nuint* ValueBytes;
    public readonly nuint Count;

    public void Dispose() => NativeMemory.Free(_memory);

    private static byte* Put(string text, ref byte* next, out nuint bytes)
    {
        var at = next;
        var length = Encoding.UTF8.GetBytes(text, new Span<byte>(next, Encoding.UTF8.GetByteCount(text)));
        bytes = (nuint)length;
        next += length;
        return at;
    }
}
