using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>Where a stage's loop takes records from: in batches from the client's memory, or one call a record.</summary>
internal interface IBatchSource
{
    /// <summary>Serves the group (its callbacks run in here, on the caller's thread) and gives the records at hand to
    /// <paramref name="router"/> until there are none or it wants no more; waits at most <paramref name="wait"/> for the first.</summary>
    void Take(IRecordRouter router, TimeSpan wait);
}

/// <summary>The loop's side of <see cref="IBatchSource"/>.</summary>
internal interface IRecordRouter
{
    bool WantsMore { get; }

    /// <summary>The batch that this record belongs in; null when it belongs to no assignment and is dropped (R10).</summary>
    RecordBatch? BatchFor(int partition, long offset);

    /// <summary>The broker has nothing beyond <paramref name="offset"/>, markers included.</summary>
    void AtEnd(int partition, long offset);

    void Failed(TopicPartition source, Error error);
}

/// <summary>Takes records one by one by Confluent.Kafka's Consume.</summary>
internal sealed class ConsumeSource(IConsumer<byte[], byte[]> consumer) : IBatchSource
{
    public void Take(IRecordRouter router, TimeSpan wait)
    {
        while (router.WantsMore && TakeOne(router, wait))
            wait = TimeSpan.Zero;
    }

    /// <summary>False when none came in time.</summary>
    public bool TakeOne(IRecordRouter router, TimeSpan wait)
    {
        try
        {
            if (consumer.Consume(wait) is not { } record)
                return false;
            if (record.IsPartitionEOF)
                router.AtEnd(record.Partition.Value, record.Offset.Value);
            else
                router.BatchFor(record.Partition.Value, record.Offset.Value)?.Add(record);
        }
        catch (ConsumeException e)
        {
            router.Failed(e.ConsumerRecord.TopicPartition, e.Error);
        }
        return true;
    }
}
