using Metering.LocalBroker.Transactions;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>Topics of four partitions, which remember the markers that they got.</summary>
internal sealed class FakePartitions : ITransactionPartitions
{
    public HashSet<string> Missing { get; } = new(StringComparer.Ordinal) { "missing" };

    public List<Marker> Markers { get; } = [];

    public bool Exists(string topic, int partition) => (uint)partition < 4 && !Missing.Contains(topic);

    public void ApplyMarker(string topic, int partition, long producerId, short producerEpoch, bool commit, long nowMs)
    {
        if (Exists(topic, partition))
            Markers.Add(new Marker(topic, partition, producerId, producerEpoch, commit, nowMs));
    }
}

internal readonly record struct Marker(string Topic, int Partition, long ProducerId, short Epoch, bool Commit, long NowMs);
