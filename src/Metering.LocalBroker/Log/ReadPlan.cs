using System.Buffers.Binary;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>A fetch of one partition: the state as it was under the gate, and where the bytes lie.</summary>
internal sealed class ReadPlan
{
    private readonly PartitionLog _log;

    /// <summary>Under the gate.</summary>
    public ReadPlan(PartitionLog log, ErrorCode error)
    {
        _log = log;
        Error = error;
        (HighWatermark, StableOffset, StartOffset) = (log.HighWatermark, log.StableOffset, log.StartOffset);
    }

    public ErrorCode Error { get; }

    public long HighWatermark { get; }

    public long StableOffset { get; }

    public long StartOffset { get; }

    public IReadOnlyList<AbortedTransaction> Aborted { get; init; } = [];

    /// <summary>How many bytes <see cref="Read"/> gives at most: whole batches.</summary>
    public int Bytes { get; init; }

    /// <summary>What the fetch asked for.</summary>
    public long Offset { get; init; }

    /// <summary>No batch that begins here or behind is given.</summary>
    public long Limit { get; init; }

    public Segment? Segment { get; init; }

    public long Position { get; init; }

    public long EndPosition { get; init; }

    /// <summary>The offset of the batch at <see cref="Position"/>; of a compacted segment the least that it may have.</summary>
    public long Expected { get; init; }

    /// <summary>Reads and verifies them. Outside the gate. Bytes that are not what was written are never handed out.</summary>
    /// <returns>CORRUPT_MESSAGE for damage, OFFSET_OUT_OF_RANGE when retention was faster, else the count of bytes: 0 when the fetch must
    /// be planned anew, because compaction replaced the segment meanwhile.</returns>
    public (ErrorCode Error, int Count) Read(Span<byte> to)
    {
        if (Segment is not { } segment || Bytes == 0)
            return (Error, 0);
        to = to[..Math.Min(to.Length, Bytes)];
        var (position, expected) = (Position, Expected);
        while (true)
        {
            var buffer = to[..(int)Math.Min(to.Length, EndPosition - position)];
            var count = ReadSegment(segment, buffer, position);
            if (count < 0)
                return segment.IsRemoved ? Gone() : Damaged(segment, position);
            var walk = Walk(segment, buffer[..count], expected);
            if (walk.Skipped > 0)
            {
                // The index led to a batch in front: go on behind what was skipped.
                (position, expected) = (position + walk.Skipped, walk.Next);
                if (position < EndPosition && expected < Limit)
                    continue;
                return (ErrorCode.None, 0);
            }
            // A file that ends before its known end is damage too.
            if (walk.Taken == 0 && (walk.IsDamaged || count < buffer.Length))
                return Damaged(segment, position);
            if (walk.Taken > 0)
                _log.Remember(walk.Next, segment, position + walk.Taken);
            return (ErrorCode.None, walk.Taken);
        }
    }

    /// <summary>Verifies whole batches from the beginning of the buffer; or skips those below the wanted offset, never both.</summary>
    private (int Taken, long Skipped, long Next, bool IsDamaged) Walk(Segment segment, ReadOnlySpan<byte> buffer, long expected)
    {
        var (taken, skipped) = (0, 0L);
        while (expected < Limit)
        {
            var at = taken + skipped;
            if (buffer.Length - at < RecordBatch.HeaderBytes)
                break;
            var rest = buffer[(int)at..];
            var baseOffset = BinaryPrimitives.ReadInt64BigEndian(rest);
            var length = RecordBatch.LengthAt(rest);
            var fits = length is >= RecordBatch.HeaderBytes && length <= segment.LargestBatchBytes
                && (segment.HasGaps ? baseOffset >= expected : baseOffset == expected);
            var header = new RecordBatch(rest[..RecordBatch.HeaderBytes]);
            if (!fits || header.Magic != 2 || header.LastOffsetDelta < 0)
                return (taken, skipped, expected, true);
            if (baseOffset >= Limit)
                break;
            if (header.LastOffset < Offset && taken == 0)
            {
                skipped += length;
                expected = header.LastOffset + 1;
                continue;
            }
            if (skipped > 0 || length > rest.Length)
                break;
            if (!new RecordBatch(rest[..(int)length]).HasValidCrc)
                return (taken, skipped, expected, true);
            taken += (int)length;
            expected = header.LastOffset + 1;
        }
        return (taken, skipped, expected, false);
    }

    /// <summary>Retention took it; or compaction did, and the next fetch finds what it put in its place.</summary>
    private (ErrorCode Error, int Count) Gone()
    {
        lock (_log.Gate)
            return (_log.IsDeleted || Offset < _log.StartOffset ? ErrorCode.OffsetOutOfRange : ErrorCode.None, 0);
    }

    private int ReadSegment(Segment segment, Span<byte> to, long position)
    {
        try
        {
            return _log.Files.Read(segment, to, position);
        }
        catch (IOException)
        {
            return 0; // a sector that cannot be read is damage
        }
    }

    private (ErrorCode Error, int Count) Damaged(Segment segment, long position)
    {
        if (Interlocked.Exchange(ref segment.DamageLoggedAt, position) != position)
            StorageLog.Damaged(_log.Logger, _log.Files.PathOf(segment), position, Offset);
        return (ErrorCode.CorruptMessage, 0);
    }
}
