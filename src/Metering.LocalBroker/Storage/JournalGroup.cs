using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// Entries that go to the disk together, what they do to segments, and who waits for them. There are two: one is filled
/// under the gate while the writer thread works through the other; they are swapped under the gate.
/// </summary>
internal sealed class JournalGroup
{
    private const int FirstBytes = 64 * 1024;

    private byte[] _records = new byte[FirstBytes];
    private byte[] _others = [];
    private int _otherBytes;
    private SegmentWrite[] _writes = new SegmentWrite[16];
    private TaskCompletionSource? _durable;

    /// <summary>Bytes of journal records.</summary>
    public int Length { get; private set; }

    public int Writes { get; private set; }

    /// <summary>The last entry in it.</summary>
    public long Last { get; set; }

    /// <summary>It takes files away, so its entries must be on disk before, in both modes.</summary>
    public bool RemovesFiles { get; set; }

    /// <summary>Logs that got records, and what of them may be seen once this is durable.</summary>
    public List<Publication> Changed { get; } = [];

    /// <summary>A checkpoint of the state as it was at this many bytes.</summary>
    public (int Length, TaskCompletionSource<CheckpointMark> Reached)? Mark { get; set; }

    public Span<byte> Records => _records.AsSpan(0, Length);

    public bool IsEmpty => Length == 0 && Writes == 0 && Mark is null;

    public Task WhenDurable => (_durable ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Room for a record; it counts once <see cref="Commit"/> is called.</summary>
    public Span<byte> Begin(EntryKind kind, long entry, int payloadBytes)
    {
        var bytes = JournalFormat.RecordHeaderBytes + payloadBytes;
        Grow(ref _records, Length, bytes);
        JournalFormat.WriteRecordHeader(_records.AsSpan(Length), kind, entry, payloadBytes);
        return _records.AsSpan(Length + JournalFormat.RecordHeaderBytes, payloadBytes);
    }

    public void Commit(long entry, int payloadBytes)
    {
        Length += JournalFormat.RecordHeaderBytes + payloadBytes;
        Last = entry;
    }

    /// <param name="bytes">Part of <see cref="Records"/>, which is then not copied; or anything else.</param>
    public void Add(Segment segment, long position, ReadOnlySpan<byte> bytes)
    {
        if (Writes == _writes.Length)
            Array.Resize(ref _writes, Writes * 2);
        if (Records.Overlaps(bytes, out var offset) && offset >= 0)
        {
            _writes[Writes++] = new(segment, position, offset, bytes.Length, false);
            return;
        }
        Grow(ref _others, _otherBytes, bytes.Length);
        bytes.CopyTo(_others.AsSpan(_otherBytes));
        _writes[Writes++] = new(segment, position, _otherBytes, bytes.Length, true);
        _otherBytes += bytes.Length;
    }

    /// <param name="gone">A segment, or a whole log.</param>
    public void AddRemoval(object gone)
    {
        if (Writes == _writes.Length)
            Array.Resize(ref _writes, Writes * 2);
        _writes[Writes++] = new(gone, -1, 0, 0, false);
        RemovesFiles = true;
    }

    /// <summary>The segment written to; or the segment or log that goes when the position is −1.</summary>
    public object TargetOf(int write) => _writes[write].Target;

    public long PositionOf(int write) => _writes[write].Position;

    public ReadOnlySpan<byte> BytesOf(int write)
    {
        ref readonly var found = ref _writes[write];
        return (found.FromOthers ? _others : _records).AsSpan(found.Offset, found.Length);
    }

    public void Complete() => _durable?.TrySetResult();

    public void Fail(Exception failure)
    {
        if (_durable is { } durable && durable.TrySetException(failure))
            _ = durable.Task.Exception; // seen: those who wait may have gone
        Mark?.Reached.TrySetException(failure);
        if (Mark is { } mark)
            _ = mark.Reached.Task.Exception;
    }

    public void Clear()
    {
        Array.Clear(_writes, 0, Writes);
        (Length, Writes, _otherBytes, RemovesFiles, Mark, _durable) = (0, 0, 0, false, null, null);
        Changed.Clear();
    }

    /// <summary>Gives back what a burst took. Only when empty.</summary>
    public void Trim()
    {
        if (_records.Length > FirstBytes)
            _records = new byte[FirstBytes];
        _others = [];
        if (_writes.Length > 1024)
            _writes = new SegmentWrite[16];
    }

    private static void Grow(ref byte[] buffer, int used, int more)
    {
        if (buffer.Length - used >= more)
            return;
        var grown = GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, Math.Max((long)used + more, 2L * buffer.Length)));
        buffer.AsSpan(0, used).CopyTo(grown);
        buffer = grown;
    }

    private readonly record struct SegmentWrite(object Target, long Position, int Offset, int Length, bool FromOthers);
}

/// <summary>What readers of a log may see once a group is durable.</summary>
internal readonly record struct Publication(PartitionLog Log, long HighWatermark, long StableOffset, Segment? Segment, long SegmentBytes, (long Ms, long Position) MaxTimestamp);

/// <summary>The journal behind a checkpoint, and the segments written since the last one.</summary>
internal sealed record CheckpointMark(JournalPosition Position, IReadOnlyCollection<Segment> Written);
