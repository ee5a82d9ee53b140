using System.Buffers;

namespace Metering.ClickHouse.Embedded;

/// <summary>Bytes of a result where the engine has them, without a copy. Valid until the result is destroyed.</summary>
internal sealed unsafe class NativeChunk(byte* bytes, int length) : MemoryManager<byte>
{
    private byte* _bytes = bytes;

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_bytes is null, this);
        return new Span<byte>(_bytes, length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(_bytes is null, this);
        return new MemoryHandle(_bytes + elementIndex);
    }

    public override void Unpin()
    {
    }

    /// <summary>Whoever still holds the memory gets an exception from now on, not another's bytes.</summary>
    public void End() => _bytes = null;

    protected override void Dispose(bool disposing) => End();
}
