using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>Asks once a second for the input's high watermarks, which lag is measured against (R14): what was prefetched does
/// not know them while a partition is paused.</summary>
internal sealed partial class WatermarkWatch(Func<IAdminClient> connect, string topic, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <param name="progress">The tasks of the moment, by partition.</param>
    /// <param name="cancellationToken">Ends it, without an error.</param>
    public async Task RunAsync(Func<IReadOnlyDictionary<int, TaskProgress>> progress, CancellationToken cancellationToken)
    {
        using var admin = connect();
        using var timer = new PeriodicTimer(Every, time);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(cancellationToken);
                var tasks = progress();
                if (tasks.Count == 0)
                    continue;
                var wanted = tasks.Keys.Select(p => new TopicPartitionOffsetSpec { TopicPartition = new(topic, p), OffsetSpec = OffsetSpec.Latest() });
                var found = await admin.ListOffsetsAsync(wanted, new() { IsolationLevel = IsolationLevel.ReadUncommitted, RequestTimeout = TimeSpan.FromSeconds(5) });
                foreach (var info in found.ResultInfos)
                    tasks[info.TopicPartitionOffsetError.Partition.Value].HighWatermark(info.TopicPartitionOffsetError.Offset.Value, time.GetUtcNow());
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (KafkaException e)
            {
                LogNoWatermarks(logger, e.Error.Reason);
            }
        }
    }

    [LoggerMessage(2211, LogLevel.Debug, "high watermarks are not known now: {Reason}")]
    private static partial void LogNoWatermarks(ILogger logger, string reason);
}
