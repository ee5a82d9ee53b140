using System.Buffers.Binary;
using System.Globalization;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Log;

/// <summary>One partition's records. All members are called under the broker's gate, unless they say otherwise. This file: what is appended.</summary>
internal sealed partial class PartitionLog
{
    private const int EntryHeaderBytes = 12;

    // A disk that is slower than all producers together: connections bound what waits long before.
    private const int MostWaitingBytes = 256 << 20;
    private readonly LogRoom _room;
    private readonly Topic _topic;
    private readonly List<Segment> _segments = [];
    private ProducerTable? _producers;
    private TransactionIndex? _transactions;
    private List<IArrivalWatcher>? _watchers;
    private long _startOffset;
    private long _highWatermark;
    private long _stableOffset;
    private Segment? _visibleSegment;
    private long _visibleBytes;
    private (long Ms, long Position) _visibleMax;
    private volatile bool _isDeleted;

    /// <param name="ordinal">Names this log in entries; never used for another.</param>
    public PartitionLog(LogRoom room, Topic topic, int index, int ordinal)
    {
        _room = room;
        _topic = topic;
        Index = index;
        Ordinal = ordinal;
    }

    public string Topic => _topic.Name;

    public int Index { get; }

    public int Ordinal { get; }

    public string FolderName => string.Create(CultureInfo.InvariantCulture, $"{_topic.Name}-{Index}");

    /// <summary>Its topic was deleted. Any thread.</summary>
    public bool IsDeleted => _isDeleted;

    /// <summary>Waits in the journal's list of logs that changed.</summary>
    public bool IsListed { get; set; }

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset => _startOffset;

    /// <summary>Behind the last record appended, durable or not.</summary>
    public long EndOffset { get; private set; }

    /// <summary>Behind the last durable record: readers see what lies below.</summary>
    public long HighWatermark => Math.Max(_startOffset, _highWatermark);

    /// <summary>Of what is durable, the first offset of a transaction that is not decided; else the high watermark.</summary>
    public long StableOffset => Math.Max(_startOffset, _stableOffset);

    /// <summary>Bytes of all segments.</summary>
    public long Bytes { get; private set; }

    public TopicConfig Config => _topic.Config;

    public IReadOnlyList<Segment> Segments => _segments;

    private Segment? Active => _segments.Count > 0 ? _segments[^1] : null;

    /// <summary>Checks the records of a produce request (one batch of magic 2, CRC, size, keys where compacted, producer epoch and
    /// sequence), gives them offsets and journals them. A batch that is one of its producer's last five answers with
    /// the offset that it got then.</summary>
    /// <param name="nowMs">Unix milliseconds: the LogAppendTime.</param>
    public AppendResult Append(ReadOnlySpan<byte> records, long nowMs)
    {
        var checkedBatch = BatchCheck.Check(records, Config, nowMs);
        if (!checkedBatch.IsOk)
            return Refused(checkedBatch);
        var batch = new RecordBatch(records);
        if (batch.HasProducer && _producers is not null)
        {
            var inOrder = _producers.Check(batch, out var duplicate);
            if (!inOrder.IsOk)
                return Refused(inOrder);
            if (duplicate is { } mark)
                return new(ErrorCode.None, null, mark.BaseOffset, mark.LogAppendTimeMs, StartOffset, _room.Journal.Last);
        }
        if (!_room.Journal.TakesRecords || _room.Journal.Waiting > MostWaitingBytes)
            return Refused(new(ErrorCode.KafkaStorageError, "the broker's disk is nearly full, or cannot keep up"));
        try
        {
            return AppendChecked(records, nowMs);
        }
        catch (JournalFailedException failure)
        {
            return Refused(new(ErrorCode.KafkaStorageError, failure.Message));
        }
    }

    private AppendResult AppendChecked(ReadOnlySpan<byte> records, long nowMs)
    {
        var journal = _room.Journal;
        var payload = journal.Begin(EntryKind.Batch, EntryHeaderBytes + records.Length);
        BinaryPrimitives.WriteInt32LittleEndian(payload, Ordinal);
        BinaryPrimitives.WriteInt64LittleEndian(payload[4..], nowMs);
        var placed = payload[EntryHeaderBytes..];
        records.CopyTo(placed);
        var baseOffset = EndOffset;
        RecordBatch.SetPlace(placed, baseOffset);
        if (Config.IsLogAppendTime)
            RecordBatch.SetTimestamps(placed, logAppendTime: true, nowMs);
        else if (new RecordBatch(placed).IsLogAppendTime)
            RecordBatch.SetTimestamps(placed, logAppendTime: false, new RecordBatch(placed).MaxTimestampMs);
        var entry = journal.Commit(payload.Length);
        Apply(placed, nowMs);
        _room.RecordsIn += new RecordBatch(placed).Count;
        _room.BytesIn += placed.Length;
        return new(ErrorCode.None, null, baseOffset, Config.IsLogAppendTime ? nowMs : -1, StartOffset, entry);
    }

    /// <summary>A batch entry: behind the log's ordinal its time and the batch as it lies in the segment.</summary>
    public void ApplyEntry(ReadOnlySpan<byte> payload) =>
        Apply(payload[EntryHeaderBytes..], BinaryPrimitives.ReadInt64LittleEndian(payload[4..]));

    /// <summary>Appends the control record that ends a producer's transaction here. Not journaled by itself: it is part of applying an
    /// EndTransaction entry.</summary>
    public void ApplyMarker(long producerId, short producerEpoch, bool commit, long nowMs)
    {
        Span<byte> marker = stackalloc byte[ControlBatch.Bytes];
        ControlBatch.Write(marker, EndOffset, producerId, producerEpoch, commit, nowMs);
        var offset = EndOffset;
        var start = (_producers ??= new()).End(producerId, producerEpoch, nowMs);
        if (start >= 0)
        {
            _transactions!.End(producerId, start, offset, commit);
            _room.OpenTransactions--;
        }
        AddToSegment(marker, nowMs);
    }

    private void Apply(ReadOnlySpan<byte> bytes, long nowMs)
    {
        var batch = new RecordBatch(bytes);
        if (batch.BaseOffset != EndOffset)
            throw new InvalidDataException($"{FolderName}: a batch of offset {batch.BaseOffset} came where {EndOffset} is next");
        if (batch.HasProducer && (_producers ??= new()).Add(batch, nowMs))
        {
            (_transactions ??= new()).Begin(batch.ProducerId, batch.BaseOffset);
            _room.OpenTransactions++;
        }
        AddToSegment(bytes, nowMs);
    }

    private void AddToSegment(ReadOnlySpan<byte> bytes, long nowMs)
    {
        var batch = new RecordBatch(bytes);
        var segment = SegmentFor(batch, nowMs);
        var position = segment.Bytes;
        segment.Add(batch, nowMs);
        EndOffset = batch.LastOffset + 1;
        Count(bytes.Length);
        _room.Writes.Write(segment, position, bytes);
        _room.Writes.Changed(this);
    }

    /// <summary>Rolls by what entries and configuration say, so that a replay rolls at the same places.</summary>
    private Segment SegmentFor(in RecordBatch batch, long nowMs)
    {
        if (Active is { } active)
        {
            var isFull = active.Bytes + batch.Bytes > Config.SegmentBytes
                || nowMs - active.FirstAppendMs > Config.RollMs
                || batch.LastOffset - active.BaseOffset > int.MaxValue;
            if (active.Bytes == 0 || (!isFull && !active.HasGaps))
                return active;
            active.Index.Seal();
        }
        Segment next = new(this, EndOffset, 0);
        _segments.Add(next);
        return next;
    }

    private void Count(long bytes)
    {
        Bytes += bytes;
        _room.LogBytes += bytes;
    }

    private AppendResult Refused(Outcome why) => new(why.Error, why.Message, -1, -1, StartOffset, 0);

    /// <summary>Taken when the group that holds the log's latest entries is closed.</summary>
    public Publication ToPublish()
    {
        IsListed = false;
        return new(this, EndOffset, _transactions?.FirstOpen ?? EndOffset, Active, Active?.Bytes ?? 0,
            Active is { } active ? (active.MaxTimestampMs, active.MaxTimestampPosition) : (-1, 0));
    }

    /// <param name="arrivals">Gets those who wait here, to be told outside the gate.</param>
    public void Publish(in Publication publication, List<IArrivalWatcher> arrivals)
    {
        var grew = publication.HighWatermark > _highWatermark || publication.StableOffset > _stableOffset;
        (_highWatermark, _stableOffset) = (publication.HighWatermark, publication.StableOffset);
        (_visibleSegment, _visibleBytes) = (publication.Segment, publication.SegmentBytes);
        _visibleMax = publication.MaxTimestamp;
        if ((grew || IsDeleted) && _watchers is not null)
            arrivals.AddRange(_watchers);
    }

    /// <summary>After recovery: all that is known is durable.</summary>
    public void PublishAll()
    {
        IsListed = false;
        var all = ToPublish();
        (_highWatermark, _stableOffset) = (all.HighWatermark, all.StableOffset);
        (_visibleSegment, _visibleBytes) = (all.Segment, all.SegmentBytes);
        _visibleMax = all.MaxTimestamp;
    }

    /// <summary>Producers that wrote here lately, for DescribeProducers.</summary>
    public IReadOnlyList<ProducerInfo> Producers() => _producers is null ? [] : [.. _producers.All];

    /// <summary>Is told, outside the gate, whenever the high watermark or the stable offset grew.</summary>
    public void Watch(IArrivalWatcher watcher) => (_watchers ??= []).Add(watcher);

    public void Unwatch(IArrivalWatcher watcher)
    {
        if (_watchers is not null && _watchers.Remove(watcher) && _watchers.Count == 0)
            _watchers = null;
    }

    /// <summary>Those who wait here, who must look again: the topic or the whole state is dropped.</summary>
    public void TakeWatchers(List<IArrivalWatcher> into)
    {
        if (_watchers is not null)
            into.AddRange(_watchers);
        _watchers = null;
    }
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
