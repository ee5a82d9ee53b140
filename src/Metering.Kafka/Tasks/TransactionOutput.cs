using System.Diagnostics;
using Confluent.Kafka;
using Metering.Kafka.Native;
using Metering.Kafka.Snapshots;

namespace Metering.Kafka.Tasks;

/// <summary>Sends into a task's open transaction. Runs on the task's thread. Disposed before its producer.</summary>
internal sealed class TransactionOutput(IProducer<byte[], byte[]> producer, KafkaSettings settings, string changelog, int partition) : ITransactionOutput, IDisposable
{
    private static readonly TimeSpan QueueFullPatience = KafkaSettings.TransactionTimeout / 2;

    private readonly NativeSender _sender = new(producer);
    private readonly Dictionary<string, string> _topics = new(StringComparer.Ordinal);

    public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
    {
        if (!_topics.TryGetValue(topic, out var name))
            _topics.Add(topic, name = settings.Topic(topic));
        Produce(name, partition ?? Partition.Any.Value, key, value, isTombstone: value.IsEmpty, headers);
    }

    public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.IsEmpty || key.SequenceEqual(PositionRecord.Key) || key.SequenceEqual(SnapshotMark.Key))
            throw new ArgumentException("State needs a key of its own: not an empty one, and not 'position' or 'snapshot', which the host writes.", nameof(key));
        Produce(changelog, partition, key, value, isTombstone: value.IsEmpty, null);
    }

    public void SavePosition(long nextOffset) =>
        Produce(changelog, partition, PositionRecord.Key, PositionRecord.Encode(nextOffset), isTombstone: false, null);

    public void SaveMark(byte[] id) => Produce(changelog, partition, SnapshotMark.Key, id, isTombstone: false, null);

    public void Dispose() => _sender.Dispose();

    // The client's queue is bounded: when it is full the task waits for the broker, and gives up while the transaction still lives.
    private void Produce(string topic, int to, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isTombstone, IReadOnlyList<RecordHeader>? headers)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                _sender.Send(topic, to, key, value, isTombstone, headers);
                return;
            }
            catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull && Stopwatch.GetElapsedTime(start) < QueueFullPatience)
            {
                producer.Flush(TimeSpan.FromMilliseconds(100));
            }
        }
    }
}
