using System.Globalization;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Sink;
using Metering.Server.Health;

namespace Metering.Cli.Hosting;

/// <summary>What readiness asks in this process: the stages that it runs.</summary>
internal static class PipelineReadiness
{
    public static IReadOnlyList<IReadinessSource> Of(PipelineHost pipeline)
    {
        var parts = new List<IReadinessSource>();
        if (pipeline.Meter is { } meter)
            parts.Add(new TaskReadiness("METER", meter.Stage));
        if (pipeline.Govern is { } govern)
            parts.Add(new TaskReadiness("GOVERN", govern.Stage));
        if (pipeline.Sink is { } sink)
            parts.Add(new SinkReadiness(sink.Stage));
        return parts;
    }
}

/// <summary>A stage of tasks is ready while they get on, or have nothing to do.</summary>
internal sealed class TaskReadiness(string name, IStageHost stage) : IReadinessSource
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => name;

    public ReadinessReport Check(DateTimeOffset now)
    {
        var status = stage.Status;
        if (!status.HasJoined)
            return ReadinessReport.NotReady("has not joined its consumer group");
        foreach (var task in status.Tasks)
        {
            if (task.State is TaskState.Stopped or TaskState.Restoring)
                return ReadinessReport.NotReady(string.Create(CultureInfo.InvariantCulture, $"partition {task.Partition} is {task.State}: {task.Reason}"));
            if (task.Lag > 0 && now - task.LastProgress > Patience)
                return ReadinessReport.NotReady(string.Create(CultureInfo.InvariantCulture, $"partition {task.Partition} is {task.Lag} records behind and makes no progress: {task.Reason}"));
        }
        return ReadinessReport.Ready;
    }
}

/// <summary>SINK is ready while blocks do not wait for long.</summary>
internal sealed class SinkReadiness(SinkStage stage) : IReadinessSource
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => "SINK";

    public ReadinessReport Check(DateTimeOffset now)
    {
        if (!stage.HasJoined)
            return ReadinessReport.NotReady("has not joined its consumer group");
        foreach (var status in stage.Status)
        {
            if (status.IsStopped)
                return ReadinessReport.NotReady(string.Create(CultureInfo.InvariantCulture, $"partition {status.Partition} has stopped: {status.Problem}"));
            var last = status.LastProgressAt > status.BehindSince ? status.LastProgressAt : status.BehindSince;
            if (status.BehindSince is not null && now - last > Patience)
                return ReadinessReport.NotReady(string.Create(CultureInfo.InvariantCulture, $"partition {status.Partition}: blocks wait without progress: {status.Problem}"));
        }
        return ReadinessReport.Ready;
    }
}
