using System.Buffers;

namespace Metering.ClickHouse.Native;

/// <summary>String: each value's length and bytes, as they stand on the wire.</summary>
public sealed class StringColumn : NativeColumn
{
    private byte[] _bytes = new byte[1024];
    private int _used;
    private int _lastStart;

    internal StringColumn(string name, string type = "String")
        : base(name, type)
    {
    }

    internal override long DataBytes => _used;

    /// <summary>Any bytes; ClickHouse does not check that they are UTF-8.</summary>
    public void Append(ReadOnlySpan<byte> utf8)
    {
        var at = _used;
        _lastStart = at;
        if (_bytes.Length - at < utf8.Length + Varint.MaxBytes)
            Grow(utf8.Length + Varint.MaxBytes);
        if (utf8.Length < 0x80)
            _bytes[at++] = (byte)utf8.Length;
        else
            at += Varint.Write(_bytes.AsSpan(at), (ulong)utf8.Length);
        utf8.CopyTo(_bytes.AsSpan(at));
        _used = at + utf8.Length;
        Count++;
    }

    internal override void Reset()
    {
        Count = 0;
        _used = 0;
        _lastStart = 0;
    }

    internal override void DropLast()
    {
        Count--;
        _used = _lastStart;
    }

    /// <summary>Drops what came after a mark taken with <see cref="Used"/>.</summary>
    internal void CutTo(int count, int used)
    {
        Count = count;
        _used = used;
    }

    internal int Used => _used;

    internal ReadOnlySpan<byte> Slice(int start, int length) => _bytes.AsSpan(start, length);

    internal override void WriteData(IBufferWriter<byte> output) => output.Write(_bytes.AsSpan(0, _used));

    private void Grow(int needed) =>
        Array.Resize(ref _bytes, checked((int)Math.Min(Array.MaxLength, Math.Max((long)_bytes.Length * 2, (long)_used + needed))));
}
