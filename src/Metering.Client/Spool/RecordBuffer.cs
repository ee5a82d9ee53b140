using System.Buffers;

namespace Metering.Client.Spool;

/// <summary>Where an event is encoded: behind room for the record's head, so that head and payload go to the disk in one write.</summary>
internal sealed class RecordBuffer : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[4096];
    private int _end = SpoolRecord.HeadBytes;

    public int PayloadBytes => _end - SpoolRecord.HeadBytes;

    /// <summary>Head and payload.</summary>
    public Span<byte> Record => _bytes.AsSpan(0, _end);

    public void Clear() => _end = SpoolRecord.HeadBytes;

    public void Advance(int count) => _end += count;

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(_end);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(_end);
    }

    private void Reserve(int sizeHint)
    {
        var wanted = _end + Math.Max(1, sizeHint);
        if (wanted > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(wanted, _bytes.Length * 2));
    }
}
