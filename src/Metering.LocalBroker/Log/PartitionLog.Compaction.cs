using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Log;

/// <summary>What compaction asks and changes. Under the gate.</summary>
internal sealed partial class PartitionLog
{
    internal SegmentFiles Files => _room.Files;

    internal Lock Gate => _room.Gate;

    internal ILogger Logger => _room.Logger;

    /// <summary>Compaction went up to here: what lies below holds a key once.</summary>
    public long CleanedTo { get; private set; }

    /// <summary>Of the last compacted segment.</summary>
    public int Generation { get; private set; }

    /// <summary>What a compaction would work on; null when it is not worth it yet. Never the active segment, nothing undecided.</summary>
    public CompactionPlan? PlanCompaction(long nowMs)
    {
        if (!Config.Compacts || _isDeleted || _segments.Count < 2)
            return null;
        List<Segment> segments = [];
        long dirtyBytes = 0;
        long cleanBytes = 0;
        var isOverdue = false;
        for (var i = 0; i < _segments.Count - 1; i++)
        {
            var segment = _segments[i];
            var isDirty = segment.EndOffset > CleanedTo;
            if (Volatile.Read(ref segment.DamageLoggedAt) >= 0 || segment.EndOffset > StableOffset
                || (isDirty && nowMs - segment.LastAppendMs < Config.MinCompactionLagMs))
                break;
            segments.Add(segment);
            (dirtyBytes, cleanBytes) = isDirty ? (dirtyBytes + segment.Bytes, cleanBytes) : (dirtyBytes, cleanBytes + segment.Bytes);
            isOverdue |= isDirty && nowMs - segment.FirstAppendMs > Config.MaxCompactionLagMs;
        }
        if (dirtyBytes == 0 || (!isOverdue && dirtyBytes < Config.MinCleanableRatio * (dirtyBytes + cleanBytes)))
            return null;
        return new(segments, CleanedTo, _transactions?.Copy(), nowMs, nowMs + Config.DeleteRetentionMs, Config.SegmentBytes);
    }

    /// <summary>Journals that segments are replaced. The new one is on disk.</summary>
    /// <param name="cleaned">Null when nothing of them is left.</param>
    /// <returns>False when some of them are gone meanwhile: then nothing was done.</returns>
    public bool TryReplace(IReadOnlyList<Segment> replaced, Segment? cleaned, long cleanedTo)
    {
        if (_isDeleted || replaced.Any(segment => !_segments.Contains(segment)))
            return false;
        EntryWriter entry = new();
        entry.Int32(Ordinal).Int64(cleanedTo).Int32(replaced.Count);
        foreach (var segment in replaced)
            entry.Int64(segment.BaseOffset).Int32(segment.Generation);
        entry.Bool(cleaned is not null);
        cleaned?.Save(entry);
        _room.Journal.Append(EntryKind.Compacted, entry.Written);
        EntryReader reader = new(entry.Written);
        reader.Int32();
        ApplyCompacted(ref reader, cleaned);
        return true;
    }

    public void ApplyCompacted(ref EntryReader entry, Segment? own = null)
    {
        CleanedTo = Math.Max(CleanedTo, entry.Int64());
        var at = 0;
        for (var count = entry.Int32(); count > 0; count--)
        {
            var (baseOffset, generation) = (entry.Int64(), entry.Int32());
            at = _segments.FindIndex(segment => segment.BaseOffset == baseOffset && segment.Generation == generation);
            Forget(_segments[at]);
            _segments.RemoveAt(at);
        }
        if (entry.Bool())
        {
            var cleaned = own ?? Segment.Load(this, ref entry);
            _segments.Insert(at, cleaned);
            Generation = cleaned.Generation;
            Count(cleaned.Bytes);
        }
        _transactions?.Forget(CleanedTo);
    }
}

/// <param name="Segments">All that may be compacted, from the log's beginning.</param>
/// <param name="CleanedTo">What lies below was compacted before.</param>
internal sealed record CompactionPlan(
    IReadOnlyList<Segment> Segments, long CleanedTo, TransactionIndex? Transactions, long NowMs, long HorizonMs, long SegmentBytes);
