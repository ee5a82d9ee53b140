using System.Diagnostics.Metrics;
using Metering.Events;

namespace Metering.Cli.Hosting;

/// <summary>METER's and SINK's instruments, all in one place. The server turns them into Prometheus text.</summary>
internal static class PipelineMetrics
{
    private static readonly Meter Meter = new("Metering.Pipeline");

    public static void Register(PipelineHost pipeline)
    {
        var counters = pipeline.Meter.Counters;
        Meter.CreateObservableCounter("metering.meter.events.metered", () => counters.Metered, "{event}", "Events metered by this process.");
        Meter.CreateObservableCounter("metering.meter.events.duplicate", () => counters.Duplicate, "{event}", "Events dropped because they were metered before.");
        Meter.CreateObservableCounter("metering.meter.events.unpriced", () => counters.Unpriced, "{event}", "Metered events whose model had no price at their time.");
        Meter.CreateObservableCounter("metering.meter.events.clamped", () => counters.Clamped, "{event}", "Metered events whose time rates moved into the seconds before their arrival.");
        Meter.CreateObservableCounter("metering.meter.events.rejected", () => Rejected(pipeline), "{event}", "Records sent to the dead letters, by reason.");
        Meter.CreateObservableCounter("metering.meter.tokens.input", () => counters.InputTokens, "{token}", "Input tokens metered by this process.");
        Meter.CreateObservableCounter("metering.meter.tokens.output", () => counters.OutputTokens, "{token}", "Output tokens metered by this process.");
        Meter.CreateObservableCounter("metering.meter.transactions", () => pipeline.MeterStage.Status.Tasks.Sum(task => task.Transactions), "{transaction}", "Transactions committed.");
        Meter.CreateObservableCounter("metering.meter.rebuilds", () => pipeline.MeterStage.Status.Tasks.Sum(task => task.Rebuilds), "{rebuild}", "Tasks rebuilt from their changelog.");
        Meter.CreateObservableGauge("metering.meter.events.lost", () => pipeline.MeterStage.Status.Tasks.Sum(task => counters.Lost(task.Partition)), "{event}", "Events of this process's partitions that were numbered and have not come within the grace time.");
        Meter.CreateObservableGauge("metering.meter.events.missing", () => pipeline.MeterStage.Status.Tasks.Sum(task => counters.Missing(task.Partition)), "{event}", "Events of this process's partitions that later ones show to be missing, within the grace time.");
        Meter.CreateObservableGauge("metering.meter.lag.records", () => pipeline.MeterStage.Status.Tasks.Sum(task => Math.Max(0, task.Lag)), "{record}", "Records behind the high watermark.");
        Meter.CreateObservableGauge("metering.meter.lag.seconds", () => PipelineLag.MeterSince(pipeline) is { } since ? Math.Max(0, (pipeline.Time.GetUtcNow() - since).TotalSeconds) : 0, "s", "Age of the last event metered, by its own time, while there is lag.");
        Meter.CreateObservableCounter("metering.sink.rows", () => pipeline.SinkStage.Status.Sum(status => status.InsertedRows), "{row}", "Rows inserted and acknowledged.");
        Meter.CreateObservableCounter("metering.sink.plans", () => pipeline.SinkStage.Status.Sum(status => status.Plans), "{plan}", "Plans inserted and acknowledged.");
        Meter.CreateObservableGauge("metering.sink.partitions.stopped", () => pipeline.SinkStage.Status.Count(status => status.IsStopped), "{partition}", "Partitions that stand still until a person acts.");
    }

    private static IEnumerable<Measurement<long>> Rejected(PipelineHost pipeline)
    {
        foreach (var reason in Enum.GetValues<DeadLetterReason>())
            yield return new Measurement<long>(pipeline.Meter.Counters.RejectedFor(reason), new KeyValuePair<string, object?>("reason", reason.Symbol()));
    }
}
