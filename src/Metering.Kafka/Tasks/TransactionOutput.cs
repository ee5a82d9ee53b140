using System.Diagnostics;
using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>Sends into a task's open transaction. Runs on the task's thread.</summary>
internal sealed class TransactionOutput(IProducer<byte[], byte[]> producer, KafkaSettings settings, string changelog, int partition) : ITransactionOutput
{
    private static readonly TimeSpan QueueFullPatience = KafkaSettings.TransactionTimeout / 2;

    public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
    {
        var message = new Message<byte[], byte[]> { Key = key.IsEmpty ? null! : key.ToArray(), Value = value.ToArray() };
        if (headers is { Count: > 0 })
        {
            message.Headers = [];
            foreach (var header in headers)
                message.Headers.Add(header.Name, header.Value.ToArray());
        }
        Produce(new(settings.Topic(topic), partition is { } p ? new Partition(p) : Partition.Any), message);
    }

    public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.IsEmpty || key.SequenceEqual(PositionRecord.Key))
            throw new ArgumentException("State needs a key of its own: not an empty one, and not 'position', which the host writes.", nameof(key));
        Produce(new(changelog, partition), new() { Key = key.ToArray(), Value = value.IsEmpty ? null! : value.ToArray() });
    }

    public void SavePosition(long nextOffset) =>
        Produce(new(changelog, partition), new() { Key = PositionRecord.Key.ToArray(), Value = PositionRecord.Encode(nextOffset) });

    // The client's queue is bounded: when it is full the task waits for the broker, and gives up while the transaction still lives.
    private void Produce(TopicPartition to, Message<byte[], byte[]> message)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                producer.Produce(to, message);
                return;
            }
            catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull && Stopwatch.GetElapsedTime(start) < QueueFullPatience)
            {
                producer.Flush(TimeSpan.FromMilliseconds(100));
            }
        }
    }
}
