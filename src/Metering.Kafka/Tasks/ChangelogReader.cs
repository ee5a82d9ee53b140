using Confluent.Kafka;
using Metering.Kafka.Native;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Reads a task's changelog partition, committed records only, from its beginning to its end (R8): in batches from the client's
/// own memory, as the input is read, for a task that takes over stands still until it is done.
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
    private readonly CancellationToken _cancellationToken;
    private long? _position;
    private long _next;
    private bool _isRead;

    private ChangelogReader(string name, IPartitionProcessor processor, WatermarkOffsets range, CancellationToken cancellationToken) =>
        (_name, _processor, _range, _cancellationToken) = (name, processor, range, cancellationToken);

    public bool WantsMore => !_isRead && !_batch.IsFull && _batch.Bytes < RecordBatch.EnoughBytes && !_cancellationToken.IsCancellationRequested;

    /// <summary>Gives every record but the position's to <paramref name="processor"/>.</summary>
    /// <param name="tell">Hears now and then how many offsets of how many are read.</param>
    /// <returns>The input position that the last commit wrote; null when there was none.</returns>
    /// <exception cref="KafkaException">The broker did not answer; the caller tries again with a new processor.</exception>
    public static long? Restore(KafkaSettings settings, string changelog, int partition, IPartitionProcessor processor, Action<long, long> tell, CancellationToken cancellationToken)
    {
        var config = settings.Reader();
        // R14: only this event tells the end: a partition's last offset may be a marker, which no record shows.
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        var source = new TopicPartition(changelog, partition);
        // The predecessor's transaction is over (R8: fenced first), so this end includes its markers.
        var range = consumer.QueryWatermarkOffsets(source, Patience);
        if (range.High.Value == range.Low.Value)
            return null;
        consumer.Assign(new TopicPartitionOffset(source, range.Low));
        var reader = new ChangelogReader($"{changelog} [{partition}]", processor, range, cancellationToken);
        try
        {
            if (MessageLayout.Difference() is not null)
                return reader.Read(new ConsumeSource(consumer), tell);
            using var queue = new QueueSource(consumer, changelog);
            return reader.Read(queue, tell);
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

    private long? Read(IBatchSource source, Action<long, long> tell)
    {
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
                tell(_next - _range.Low.Value, _range.High.Value - _range.Low.Value);
                lastTold = now;
            }
            else if (!_isRead && TimeProvider.System.GetElapsedTime(lastProgress, now) > Patience)
            {
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"changelog {_name} gave nothing for {Patience.TotalSeconds} s before its end"));
            }
        }
        return _position;
    }

    // Per entry: no allocation but the processor's.
    private void Restore()
    {
        for (var i = 0; i < _batch.Count; i++)
        {
            var record = _batch[i];
            _next = record.Offset + 1;
            if (record.Key.IsEmpty)
                throw new TaskStoppedException($"changelog {_name} holds a record without a key at offset {record.Offset}: another program writes to it");
            if (record.Key.SequenceEqual(PositionRecord.Key))
                _position = PositionRecord.Decode(record.Value);
            else
                _processor.Restore(record.Key, record.Value);
        }
        _batch.Clear();
        _batch.Begin(0, 0);
    }
}
