using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.Kafka.Snapshots;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Reads a task's changelog partition, committed records only, from its beginning, or from a snapshot's mark, to its end (R8): in
/// batches from the client's own memory, as the input is read, for a task that takes over stands still until it is done.
/// </summary>
internal sealed class ChangelogReader : IRecordRouter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(1);

    private readonly RecordBatch _batch = new();
    private readonly string _name;
    private readonly IPartitionProcessor _processor;
    private readonly WatermarkOffsets _range;
    private readonly SnapshotPoint? _behind;
    private readonly CancellationToken _cancellationToken;
    private long? _position;
    private long _next;
    private long _markedAtMs, _latestMs;
    private bool _isRead;

    private ChangelogReader(string name, IPartitionProcessor processor, WatermarkOffsets range, SnapshotPoint? behind, CancellationToken cancellationToken) =>
        (_name, _processor, _range, _behind, _next, _cancellationToken) = (name, processor, range, behind, behind?.MarkOffset ?? range.Low.Value, cancellationToken);

    public bool WantsMore => !_isRead && !_batch.IsFull && _batch.Bytes < RecordBatch.EnoughBytes && !_cancellationToken.IsCancellationRequested;

    /// <summary>Gives every record but the position's to <paramref name="processor"/>.</summary>
    /// <param name="tell">Hears now and then how many offsets of how many are read.</param>
    /// <returns>The input position that the last commit wrote; null when there was none.</returns>
    /// <exception cref="KafkaException">The broker did not answer; the caller tries again with a new processor.</exception>
    public static long? Restore(KafkaSettings settings, string changelog, int partition, IPartitionProcessor processor, Action<long, long> tell, CancellationToken cancellationToken) =>
        Read(settings, new(changelog, partition), processor, null, tell, cancellationToken)?._position;

    /// <summary>The same, of what lies behind a snapshot's mark.</summary>
    /// <exception cref="StaleSnapshotException">The mark is not there: this is not the changelog that the snapshot was taken from, or it
    /// has a newer one.</exception>
    public static ChangelogTail RestoreBehind(SnapshotPoint mark, KafkaSettings settings, string changelog, int partition, IPartitionProcessor processor, Action<long, long> tell, CancellationToken cancellationToken)
    {
        var read = Read(settings, new(changelog, partition), processor, mark, tell, cancellationToken) ?? throw new StaleSnapshotException("the changelog is empty");
        return new(read._position, read._markedAtMs, read._latestMs);
    }

    private static ChangelogReader? Read(KafkaSettings settings, TopicPartition source, IPartitionProcessor processor, SnapshotPoint? behind, Action<long, long> tell, CancellationToken cancellationToken)
    {
        var config = settings.Reader();
        // R14: only this event tells the end: a partition's last offset may be a marker, which no record shows.
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        // The predecessor's transaction is over (R8: fenced first), so this end includes its markers.
        var range = consumer.QueryWatermarkOffsets(source, Patience);
        if (range.High.Value == range.Low.Value)
            return null;
        if (behind is not null && (behind.MarkOffset < range.Low.Value || behind.MarkOffset >= range.High.Value))
            throw new StaleSnapshotException($"it goes on at offset {behind.MarkOffset}, the changelog has {range.Low.Value} to {range.High.Value}");
        var reader = new ChangelogReader($"{source.Topic} [{source.Partition.Value}]", processor, range, behind, cancellationToken);
        consumer.Assign(new TopicPartitionOffset(source, reader._next));
        try
        {
            if (MessageLayout.Difference() is not null)
            {
                reader.Read(new ConsumeSource(consumer), tell);
                return reader;
            }
            using var queue = new QueueSource(consumer, source.Topic);
            reader.Read(queue, tell);
            return reader;
        }
        finally
        {
            // Native memory: before the consumer goes.
            reader._batch.Clear();
        }
    }

    public RecordBatch BatchFor(int partition, long offset)
    {
        if (_batch.IsFull)
            Restore();
        return _batch;
    }

    public void AtEnd(int partition, long offset) => _isRead |= offset >= _range.High.Value;

    public void Failed(TopicPartition source, Error error) => throw new KafkaException(error);

    private void Read(IBatchSource source, Action<long, long> tell)
    {
        var first = _next;
        var lastProgress = TimeProvider.System.GetTimestamp();
        var lastTold = lastProgress;
        while (!_isRead)
        {
            source.Take(this, Wait);
            _cancellationToken.ThrowIfCancellationRequested();
            var now = TimeProvider.System.GetTimestamp();
            if (_batch.Count > 0)
            {
                Restore();
                lastProgress = now;
                if (TimeProvider.System.GetElapsedTime(lastTold, now) < TellEvery)
                    continue;
                tell(_next - first, _range.High.Value - first);
                lastTold = now;
            }
            else if (!_isRead && TimeProvider.System.GetElapsedTime(lastProgress, now) > Patience)
            {
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"changelog {_name} gave nothing for {Patience.TotalSeconds} s before its end"));
            }
        }
        // The last batch may hold the end too: who is cancelled in it still hears so.
        _cancellationToken.ThrowIfCancellationRequested();
        if (_behind is not null && _markedAtMs == 0)
            throw new StaleSnapshotException("the changelog ends before its mark");
    }

    // Per entry: no allocation but the processor's.
    private void Restore()
    {
        for (var i = 0; i < _batch.Count; i++)
        {
            var record = _batch[i];
            if (_behind is not null && _markedAtMs == 0)
                CheckMark(record);
            _next = record.Offset + 1;
            if (record.Key.IsEmpty)
                throw new TaskStoppedException($"changelog {_name} holds a record without a key at offset {record.Offset}: another program writes to it");
            if (record.Key.SequenceEqual(PositionRecord.Key))
                (_position, _latestMs) = (PositionRecord.Decode(record.Value), record.ArrivedAtMs);
            else if (!record.Key.SequenceEqual(SnapshotMark.Key))
                _processor.Restore(record.Key, record.Value);
        }
        _batch.Clear();
        _batch.Begin(0, 0);
    }

    private void CheckMark(in InputRecord record)
    {
        if (record.Offset != _behind!.MarkOffset || !record.Key.SequenceEqual(SnapshotMark.Key) || !record.Value.SequenceEqual(_behind.Id))
            throw new StaleSnapshotException($"the changelog does not have its mark at offset {_behind.MarkOffset}: it has a newer one, or is another changelog");
        _markedAtMs = _latestMs = record.ArrivedAtMs;
    }
}

/// <summary>What was read behind a snapshot's mark.</summary>
/// <param name="Position">As the last commit behind it wrote it; null when there was none.</param>
/// <param name="MarkedAtMs">The mark's LogAppendTime.</param>
/// <param name="LatestMs">The last commit's.</param>
internal sealed record ChangelogTail(long? Position, long MarkedAtMs, long LatestMs);
