using Confluent.Kafka;

namespace Metering.Streamiz.Clients;

/// <summary>
/// Reads the changelogs for Streamiz. Their end is the one of all records, not of the committed ones: behind what the
/// predecessor has committed but whose markers are still on their way the committed end lies too low, and state would be
/// restored without its last transaction (R8). Streamiz then waits until that transaction is decided. Stream thread only.
/// </summary>
internal sealed class RestoreConsumer(IConsumer<byte[], byte[]> inner, Func<IConsumer<byte[], byte[]>> connectUncommitted) : ForwardingConsumer(inner)
{
    private static readonly TimeSpan LongestPoll = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<TopicPartition, Offset> _ends = [];
    private IConsumer<byte[], byte[]>? _uncommitted;

    // The end event is the only thing that tells of markers (R14): without it a changelog that ends in one never ends.
    public override ConsumeResult<byte[], byte[]>? Consume(TimeSpan timeout)
    {
        var record = Inner.Consume(Polls.Clamp(timeout, LongestPoll));
        if (record is not { IsPartitionEOF: true })
            return record;
        _ends[record.TopicPartition] = record.Offset;
        return null;
    }

    public override Offset Position(TopicPartition partition)
    {
        var read = Inner.Position(partition);
        return _ends.TryGetValue(partition, out var end) && end.Value > read.Value ? end : read;
    }

    public override WatermarkOffsets QueryWatermarkOffsets(TopicPartition topicPartition, TimeSpan timeout)
    {
        _ends.Remove(topicPartition);
        _uncommitted ??= connectUncommitted();
        return _uncommitted.QueryWatermarkOffsets(topicPartition, timeout);
    }

    public override void Dispose()
    {
        base.Dispose();
        _uncommitted?.Dispose();
        _uncommitted = null;
    }
}
