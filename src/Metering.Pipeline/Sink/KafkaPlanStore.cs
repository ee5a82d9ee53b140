using Confluent.Kafka;
using Metering.Kafka.Native;

namespace Metering.Pipeline.Sink;

/// <summary>Plans in the offset metadata of SINK's consumer group. Confluent.Kafka can neither write nor read it, so the
/// two calls go to librdkafka on the same handle (R17).</summary>
internal sealed class KafkaPlanStore(IConsumer<byte[], byte[]> consumer, string topic, int partition, TimeProvider time) : IPlanStore
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(100);

    public async Task CommitAsync(long offset, SinkPlan? plan, CancellationToken cancellationToken)
    {
        var metadata = plan?.ToMetadata() ?? "";
        while (true)
        {
            try
            {
                // Blocks until the broker answers; librdkafka allows it on any thread.
                await Task.Run(() => OffsetMetadata.Commit(consumer, topic, partition, offset, metadata), cancellationToken);
                return;
            }
            catch (KafkaException) when (cancellationToken.IsCancellationRequested)
            {
                // The partition was given up meanwhile: whether the commit came through, its next owner reads from the group.
                throw new OperationCanceledException(cancellationToken);
            }
            catch (KafkaException error) when (IsFenced(error.Error.Code))
            {
                throw new SinkFencedException($"{topic} {partition}: {error.Error.Reason}", error);
            }
            catch (KafkaException error) when (!error.Error.IsFatal)
            {
                await Task.Delay(RetryAfter, time, cancellationToken);
            }
        }
    }

    private static bool IsFenced(ErrorCode code) => code is ErrorCode.IllegalGeneration or ErrorCode.UnknownMemberId or ErrorCode.FencedInstanceId
        or ErrorCode.Local_Fenced or ErrorCode.Local_State or ErrorCode.Local_AssignmentLost or ErrorCode.Local_Destroy;
}
