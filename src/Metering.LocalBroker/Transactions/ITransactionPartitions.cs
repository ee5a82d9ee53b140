using Metering.LocalBroker.Topics;

namespace Metering.LocalBroker.Transactions;

/// <summary>What a transaction needs of the partitions that it writes to: the edge to the log. Under the broker's gate.</summary>
internal interface ITransactionPartitions
{
    bool Exists(string topic, int partition);

    /// <summary>Part of applying an EndTransaction entry. A partition that was deleted meanwhile is passed over.</summary>
    void ApplyMarker(string topic, int partition, long producerId, short producerEpoch, bool commit, long nowMs);
}

internal sealed class TransactionPartitions(TopicTable topics) : ITransactionPartitions
{
    public bool Exists(string topic, int partition) => topics.Find(topic, partition) is not null;

    public void ApplyMarker(string topic, int partition, long producerId, short producerEpoch, bool commit, long nowMs) =>
        topics.Find(topic, partition)?.ApplyMarker(producerId, producerEpoch, commit, nowMs);
}
