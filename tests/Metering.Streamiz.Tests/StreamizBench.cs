using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Streamiz.Tests;

/// <summary>The bench's stage under Streamiz.</summary>
internal static class StreamizBench
{
    public static RunningStage StartStreamiz(this StageBench bench, Action<CommitPoint, int>? fault = null, Func<string, bool>? waits = null, Func<CancellationToken, Task>? wait = null) =>
        new(new StreamizStage(bench.Settings, StageBench.Options(waits, wait), NullLoggerFactory.Instance, TimeProvider.System) { Fault = fault });
}
