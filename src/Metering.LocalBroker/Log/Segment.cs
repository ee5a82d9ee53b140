using System.Globalization;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Log;

/// <summary>
/// One file of a log: what is known of it in memory. A file's name never means something else: compaction writes under a new
/// generation. Under the gate, except what never changes and the two flags of its file.
/// </summary>
internal sealed class Segment
{
    public Segment(PartitionLog log, long baseOffset, int generation)
    {
        (Log, BaseOffset, Generation) = (log, baseOffset, generation);
        EndOffset = baseOffset;
    }

    public PartitionLog Log { get; }

    /// <summary>Of the first record that it may hold.</summary>
    public long BaseOffset { get; }

    /// <summary>0 = as appended; then how often this log was compacted.</summary>
    public int Generation { get; }

    public string FileName => Generation == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{BaseOffset:D20}.log")
        : string.Create(CultureInfo.InvariantCulture, $"{BaseOffset:D20}.{Generation}.log");

    /// <summary>Behind its last record.</summary>
    public long EndOffset { get; private set; }

    public long Bytes { get; set; }

    /// <summary>When its first and last batch came, by the entries' clock.</summary>
    public long FirstAppendMs { get; set; }

    public long LastAppendMs { get; set; }

    public long MaxTimestampMs { get; set; } = -1;

    /// <summary>Of the batch that holds the largest timestamp.</summary>
    public long MaxTimestampPosition { get; set; }

    public int LargestBatchBytes { get; set; }

    public SparseIndex Index { get; } = new();

    /// <summary>Compaction took records out: offsets jump.</summary>
    public bool HasGaps => Generation > 0;

    /// <summary>Its file is gone or goes: it is not opened any more. Any thread.</summary>
    public volatile bool IsRemoved;

    /// <summary>Damage at this position is logged already; −1 = none. Any thread.</summary>
    public long DamageLoggedAt = -1;

    public void Add(in RecordBatch batch, long nowMs)
    {
        Index.Add(batch.BaseOffset, Bytes, MaxTimestampMs);
        if (Bytes == 0)
            FirstAppendMs = nowMs;
        if (batch.MaxTimestampMs > MaxTimestampMs)
            (MaxTimestampMs, MaxTimestampPosition) = (batch.MaxTimestampMs, Bytes);
        LastAppendMs = nowMs;
        LargestBatchBytes = Math.Max(LargestBatchBytes, batch.Bytes);
        Bytes += batch.Bytes;
        EndOffset = batch.LastOffset + 1;
    }

    public void Save(EntryWriter to)
    {
        to.Int64(BaseOffset).Int32(Generation).Int64(EndOffset).Int64(Bytes).Int64(FirstAppendMs).Int64(LastAppendMs)
            .Int64(MaxTimestampMs).Int64(MaxTimestampPosition).Int32(LargestBatchBytes);
        Index.Save(to);
    }

    public static Segment Load(PartitionLog log, ref EntryReader from)
    {
        var segment = new Segment(log, from.Int64(), from.Int32())
        {
            EndOffset = from.Int64(),
            Bytes = from.Int64(),
            FirstAppendMs = from.Int64(),
            LastAppendMs = from.Int64(),
            MaxTimestampMs = from.Int64(),
            MaxTimestampPosition = from.Int64(),
            LargestBatchBytes = from.Int32(),
        };
        segment.Index.Load(ref from);
        return segment;
    }
}
