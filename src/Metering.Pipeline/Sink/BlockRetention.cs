using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Sink;

/// <summary>Deletes blocks that have long been in the ledger (R13): the topic has no time limit of its own, so that what
/// is not yet inserted is never lost to retention. Runs on the consumer's thread, once an hour.</summary>
internal sealed class BlockRetention(KafkaSettings kafka, SinkOptions options, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    private readonly IAdminClient _admin = new AdminClientBuilder(kafka.Admin()).SetLogHandler((_, _) => { }).Build();
    private long _lastRun = time.GetTimestamp();
    private Task _deletion = Task.CompletedTask;

    public void MaybeRun(IConsumer<byte[], byte[]> consumer, string topic, IReadOnlyDictionary<int, long> committed)
    {
        if (time.GetElapsedTime(_lastRun) < Every || committed.Count == 0 || !_deletion.IsCompleted)
            return;
        _lastRun = time.GetTimestamp();
        try
        {
            var olderThan = new Timestamp(time.GetUtcNow() - options.KeepBlocks);
            var firstKept = consumer.OffsetsForTimes(committed.Keys.Select(partition => new TopicPartitionTimestamp(topic, partition, olderThan)), AnswerWithin);
            var deletable = firstKept.Where(kept => kept.Offset.Value > 0)
                .Select(kept => new TopicPartitionOffset(kept.TopicPartition, Math.Min(kept.Offset.Value, committed[kept.Partition.Value]))).ToList();
            if (deletable.Count > 0)
                _deletion = DeleteAsync(deletable);
        }
        catch (KafkaException error)
        {
            SinkLog.HousekeepingFailed(logger, error, "finding old blocks");
        }
    }

    public void Dispose() => _admin.Dispose();

    private async Task DeleteAsync(List<TopicPartitionOffset> before)
    {
        try
        {
            await _admin.DeleteRecordsAsync(before, new DeleteRecordsOptions { RequestTimeout = AnswerWithin });
        }
        catch (KafkaException error)
        {
            SinkLog.HousekeepingFailed(logger, error, "deleting old blocks");
        }
    }
}
