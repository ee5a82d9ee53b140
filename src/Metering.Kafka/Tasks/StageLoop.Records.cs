using Confluent.Kafka;
using Metering.Kafka.Native;

namespace Metering.Kafka.Tasks;

/// <content>Records on their way from the consumer to the tasks' queues.</content>
internal sealed partial class StageLoop : IRecordRouter
{
    public bool WantsMore { get; private set; }

    public RecordBatch? BatchFor(int partition, long offset)
    {
        if (!_routes.TryGetValue(partition, out var route) || route.Generation == 0 || route.Wanted is not null || offset < route.Next)
            return null;
        route.Next = offset + 1;
        var batch = route.Filling ??= _context.Pool.Rent(partition, route.Generation);
        if (batch.IsFull || batch.Bytes > RecordBatch.EnoughBytes)
        {
            route.Task.Queue.Add(batch);
            WantsMore = !route.Task.Queue.IsFull;
            batch = route.Filling = _context.Pool.Rent(partition, route.Generation);
        }
        return batch;
    }

    public void AtEnd(int partition, long offset)
    {
        if (_routes.TryGetValue(partition, out var route) && route.Generation > 0 && route.Wanted is null)
            route.Task.Progress.AtEnd(route.Next, offset);
    }

    public void Failed(TopicPartition source, Error error)
    {
        // A member of another host that has just stopped may stand in the group until its session is over.
        if (error.Code == ErrorCode.InconsistentGroupProtocol && _context.Time.GetElapsedTime(_begunAt) < TaskFailures.OtherHostPatience(_context.Settings))
            LogConsumeFailed(_context.Logger, _context.Group, error.Code, error.Reason);
        else if (TaskFailures.StopsStage(error))
            _failure ??= _context.Settings.FencedMember(_context.Group, error) ?? (Exception)new KafkaException(error);
        else if (error.Code == ErrorCode.Local_AutoOffsetReset && _routes.TryGetValue(source.Partition.Value, out var route))
            route.Task.OutOfRange(error.Reason);        // R13
        else
            LogConsumeFailed(_context.Logger, source.ToString(), error.Code, error.Reason);
        WantsMore = false;
    }

    private void Flush()
    {
        foreach (var route in _routes.Values)
        {
            if (route.Filling is not { } batch)
                continue;
            route.Filling = null;
            if (batch.Count > 0)
                route.Task.Queue.Add(batch);
            else
                _context.Pool.Return(batch);
        }
    }

    private static IBatchSource SourceOf(StageContext context)
    {
        if (!context.Options.OneByOne)
        {
            if (MessageLayout.Difference() is not { } difference)
                return new QueueSource(context.Consumer, context.InputTopic);
            LogOneByOne(context.Logger, context.Options.Stage, difference);
        }
        return new ConsumeSource(context.Consumer);
    }
}
