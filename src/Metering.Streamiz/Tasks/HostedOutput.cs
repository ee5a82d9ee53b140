using Confluent.Kafka;
using Metering.Kafka.Tasks;

namespace Metering.Streamiz.Tasks;

/// <summary>The changelog that Streamiz keeps for a store.</summary>
internal interface IStateChangelog
{
    /// <param name="key">Of the state.</param>
    /// <param name="value">Null is a tombstone.</param>
    void Put(ReadOnlySpan<byte> key, byte[]? value);
}

/// <summary>
/// Sends into the transaction that Streamiz has open: state through its store, output through the producer that it was given.
/// Its sinks cannot be used: they are reached from the processing of a record or a timer, and Streamiz flushes, and commits,
/// in neither. A record that is not delivered makes the transaction fail, so no handler listens. Stream thread only.
/// </summary>
internal sealed class HostedOutput(HostSession session, int partition, IStateChangelog changelog) : ITransactionOutput
{
    public void Send(string topic, int? to, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
    {
        var message = new Message<byte[], byte[]> { Key = key.IsEmpty ? null! : key.ToArray(), Value = value.IsEmpty ? null! : value.ToArray() };
        if (headers is { Count: > 0 })
        {
            message.Headers = [];
            foreach (var header in headers)
                message.Headers.Add(header.Name, header.Value.ToArray());
        }
        session.Producer.Produce(new TopicPartition(session.Settings.Topic(topic), to is { } p ? new Partition(p) : Partition.Any), message);
    }

    public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.IsEmpty || key.SequenceEqual(PositionRecord.Key))
            throw new ArgumentException($"Partition {partition}: state needs a key of its own, not an empty one and not 'position', which the host writes.", nameof(key));
        changelog.Put(key, value.IsEmpty ? null : value.ToArray());
    }
}
