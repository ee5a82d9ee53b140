using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>Reads a task's changelog partition, committed records only, from its beginning to its end (R8).</summary>
internal static class ChangelogReader
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Gives every record but the position's to <paramref name="processor"/>.</summary>
    /// <returns>The input position that the last commit wrote; null when there was none.</returns>
    /// <exception cref="KafkaException">The broker did not answer; the caller tries again with a new processor.</exception>
    public static long? Restore(KafkaSettings settings, string changelog, int partition, IPartitionProcessor processor, CancellationToken cancellationToken)
    {
        var config = settings.Reader();
        // R14: only this event tells the end: a partition's last offset may be a marker, which no record shows.
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        var source = new TopicPartition(changelog, partition);
        // The predecessor's transaction is over (R8: fenced first), so this end includes its markers.
        var range = consumer.QueryWatermarkOffsets(source, Patience);
        long? position = null;
        if (range.High.Value == range.Low.Value)
            return position;
        consumer.Assign(new TopicPartitionOffset(source, range.Low));
        var lastProgress = TimeProvider.System.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is not { } record)
            {
                if (TimeProvider.System.GetElapsedTime(lastProgress) > Patience)
                    throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"changelog {changelog} [{partition}] gave nothing for {Patience.TotalSeconds} s before its end"));
                continue;
            }
            lastProgress = TimeProvider.System.GetTimestamp();
            if (record.IsPartitionEOF)
            {
                if (record.Offset.Value >= range.High.Value)
                    return position;
                continue;
            }
            var key = record.Message.Key ?? throw new TaskStoppedException(
                $"changelog {changelog} [{partition}] holds a record without a key at offset {record.Offset.Value}: another program writes to it");
            if (key.AsSpan().SequenceEqual(PositionRecord.Key))
                position = PositionRecord.Decode(record.Message.Value);
            else
                processor.Restore(key, record.Message.Value);
        }
    }
}
