using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>One partition's records. All members are called under the broker's gate, unless they say otherwise.</summary>
internal sealed class PartitionLog
{
    public string Topic => throw new NotSupportedException();

    public int Index => throw new NotSupportedException();

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset => throw new NotSupportedException();

    /// <summary>Behind the last record appended, durable or not.</summary>
    public long EndOffset => throw new NotSupportedException();

    /// <summary>Behind the last durable record: readers see what lies below.</summary>
    public long HighWatermark => throw new NotSupportedException();

    /// <summary>Of what is durable, the first offset of a transaction that is not decided; else the high watermark.</summary>
    public long StableOffset => throw new NotSupportedException();

    /// <summary>Bytes of all segments.</summary>
    public long Bytes => throw new NotSupportedException();

    /// <summary>Checks the records of a produce request (one batch of magic 2, CRC, size, keys where compacted, producer epoch and
    /// sequence), gives them offsets and journals them. A batch that is one of its producer's last five answers with
    /// the offset that it got then.</summary>
    /// <param name="nowMs">Unix milliseconds: the LogAppendTime.</param>
    public AppendResult Append(ReadOnlySpan<byte> records, long nowMs) => throw new NotSupportedException();

    /// <summary>Appends the control record that ends a producer's transaction here. Not journaled by itself: it is part of applying an
    /// EndTransaction entry.</summary>
    public void ApplyMarker(long producerId, short producerEpoch, bool commit, long nowMs) => throw new NotSupportedException();

    /// <summary>Which bytes a fetch gets; they are read outside the gate by <see cref="ReadPlan.Read"/>.</summary>
    /// <param name="maxBytes">At most so many, but at least one whole batch when <paramref name="atLeastOne"/>.</param>
    /// <param name="committedOnly">Up to <see cref="StableOffset"/>, with the aborted transactions in the range.</param>
    public ReadPlan PlanRead(long offset, int maxBytes, bool committedOnly, bool atLeastOne) => throw new NotSupportedException();

    /// <summary>The first record at or after a time (Unix ms), below the high watermark (or the stable offset); offset −1 when none.
    /// Takes the gate itself; may read the disk.</summary>
    public (long Offset, long TimestampMs) FindTime(long timestampMs, bool committedOnly) => throw new NotSupportedException();

    /// <summary>The record with the largest timestamp. Takes the gate itself.</summary>
    public (long Offset, long TimestampMs) FindMaxTime() => throw new NotSupportedException();

    /// <summary>Removes the records below an offset; −1 means the high watermark.</summary>
    /// <returns>OFFSET_OUT_OF_RANGE above the high watermark; else the new start and the entry to wait for.</returns>
    public (ErrorCode Error, long StartOffset, long Entry) DeleteBefore(long offset) => throw new NotSupportedException();

    /// <summary>Producers that wrote here lately, for DescribeProducers.</summary>
    public IReadOnlyList<ProducerInfo> Producers() => throw new NotSupportedException();

    /// <summary>Is told, outside the gate, whenever the high watermark or the stable offset grew.</summary>
    public void Watch(IArrivalWatcher watcher) => throw new NotSupportedException();

    public void Unwatch(IArrivalWatcher watcher) => throw new NotSupportedException();
}

internal interface IArrivalWatcher
{
    /// <summary>Something can be read that could not before. Must return at once.</summary>
    void Arrived();
}

/// <param name="Entry">What must be durable before this is told to the producer.</param>
internal readonly record struct AppendResult(ErrorCode Error, string? Message, long BaseOffset, long LogAppendTimeMs, long StartOffset, long Entry);

internal readonly record struct ProducerInfo(long ProducerId, short Epoch, int LastSequence, long LastTimestampMs, long TransactionStart);

internal readonly record struct AbortedTransaction(long ProducerId, long FirstOffset);

/// <summary>A fetch of one partition: the state as it was under the gate, and where the bytes lie.</summary>
internal sealed class ReadPlan
{
    public ErrorCode Error => throw new NotSupportedException();

    public long HighWatermark => throw new NotSupportedException();

    public long StableOffset => throw new NotSupportedException();

    public long StartOffset => throw new NotSupportedException();

    public IReadOnlyList<AbortedTransaction> Aborted => throw new NotSupportedException();

    /// <summary>How many bytes <see cref="Read"/> gives at most: whole batches.</summary>
    public int Bytes => throw new NotSupportedException();

    /// <summary>Reads and verifies them. Outside the gate. Bytes that are not what was written are never handed out.</summary>
    /// <returns>CORRUPT_MESSAGE for damage, OFFSET_OUT_OF_RANGE when retention was faster, else the count of bytes.</returns>
    public (ErrorCode Error, int Count) Read(Span<byte> to) => throw new NotSupportedException();
}
