using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Kafka.Snapshots;

/// <summary>A processor's whole state, copied at a commit so that it can be written beside the task's next intervals: entries
/// of key and value, each with its length, in rented chunks.</summary>
internal sealed class SnapshotBuffer : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly List<(byte[] Bytes, int Count)> _chunks = [];
    private byte[] _current = [];
    private int _count;

    public long Entries { get; private set; }

    public long Bytes { get; private set; }

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var length = 8 + key.Length + value.Length;
        if (_current.Length - _count < length)
            NextChunk(length);
        var to = _current.AsSpan(_count, length);
        BinaryPrimitives.WriteInt32LittleEndian(to, key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], value.Length);
        key.CopyTo(to[8..]);
        value.CopyTo(to[(8 + key.Length)..]);
        _count += length;
        Entries++;
        Bytes += length;
    }

    public IEnumerable<ReadOnlyMemory<byte>> Chunks()
    {
        foreach (var (bytes, count) in _chunks)
            yield return bytes.AsMemory(0, count);
        yield return _current.AsMemory(0, _count);
    }

    public void Dispose()
    {
        Return(_current);
        foreach (var (bytes, _) in _chunks)
            Return(bytes);
        _chunks.Clear();
        (_current, _count) = ([], 0);
    }

    private void NextChunk(int length)
    {
        if (_count > 0)
            _chunks.Add((_current, _count));
        else
            Return(_current);
        (_current, _count) = (ArrayPool<byte>.Shared.Rent(Math.Max(ChunkBytes, length)), 0);
    }

    private static void Return(byte[] bytes)
    {
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }
}
