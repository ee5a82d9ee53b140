using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Calls;

/// <summary>What each partition of a fetch would give now. Made again each time that something has arrived.</summary>
internal sealed class FetchPlan(FetchRequest request)
{
    private readonly (ErrorCode Error, ReadPlan? Plan)[] _plans = new (ErrorCode, ReadPlan?)[request.Partitions.Count];
    private readonly PartitionLog?[] _watched = new PartitionLog?[request.Partitions.Count];
    private bool _isDropped = true;

    /// <summary>Of records, all partitions together.</summary>
    public int Bytes { get; private set; }

    public (ErrorCode Error, ReadPlan? Plan) Of(int partition) => _isDropped ? (ErrorCode.KafkaStorageError, null) : _plans[partition];

    /// <summary>There is no state: all partitions answer a storage error.</summary>
    public void Drop()
    {
        _isDropped = true;
        Bytes = 0;
    }

    /// <param name="watcher">Not null: watches all partitions too, if there is not enough.</param>
    /// <returns>True when the reply need not wait.</returns>
    public bool Make(BrokerState state, IArrivalWatcher? watcher)
    {
        lock (state.Gate)
        {
            _isDropped = false;
            var bytes = 0L;
            var anyError = false;
            for (var i = 0; i < _plans.Length; i++)
            {
                _plans[i] = PlanOne(state, request.Partitions[i], (int)(request.MaxBytes - bytes), isFirst: bytes == 0);
                bytes += _plans[i].Plan?.Bytes ?? 0;
                anyError |= _plans[i].Error != ErrorCode.None;
            }
            Bytes = (int)Math.Min(bytes, int.MaxValue / 2);
            if (anyError || bytes >= request.MinBytes || request.MaxWait == TimeSpan.Zero || _plans.Length == 0)
                return true;
            if (watcher is not null)
                Watch(state, watcher);
            return false;
        }
    }

    public void Unwatch(BrokerState state, IArrivalWatcher watcher)
    {
        lock (state.Gate)
        {
            foreach (var log in _watched)
                log?.Unwatch(watcher);
        }
    }

    private void Watch(BrokerState state, IArrivalWatcher watcher)
    {
        for (var i = 0; i < _watched.Length; i++)
        {
            _watched[i] = Find(state, request.Partitions[i]);
            _watched[i]?.Watch(watcher);
        }
    }

    private static PartitionLog? Find(BrokerState state, in FetchRequest.Partition partition)
    {
        var name = partition.Topic.Name ?? state.Topics.Find(partition.Topic.Id)?.Name;
        return name is null ? null : state.Topics.Find(name, partition.Index);
    }

    private static bool IsUnknownId(BrokerState state, FetchRequest.FetchedTopic topic) => topic.Name is null && state.Topics.Find(topic.Id) is null;

    private (ErrorCode Error, ReadPlan? Plan) PlanOne(BrokerState state, in FetchRequest.Partition partition, int bytesLeft, bool isFirst)
    {
        if (Find(state, partition) is not { } log)
            return (IsUnknownId(state, partition.Topic) ? ErrorCode.UnknownTopicId : ErrorCode.UnknownTopicOrPartition, null);
        var error = BrokerFields.CheckLeaderEpoch(partition.LeaderEpoch);
        if (error != ErrorCode.None)
            return (error, null);
        // A batch larger than any limit still reaches the reader, as the first of a reply.
        var plan = log.PlanRead(partition.Offset, Math.Max(0, Math.Min(partition.MaxBytes, bytesLeft)), request.CommittedOnly, atLeastOne: isFirst);
        return plan.Error == ErrorCode.None ? (ErrorCode.None, plan) : (plan.Error, null);
    }
}
