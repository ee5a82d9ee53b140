using System.Diagnostics.Metrics;
using Metering.Events;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Hosting;

/// <summary>The stages' instruments, all in one place. The server turns them into Prometheus text.</summary>
internal static class PipelineMetrics
{
    private static readonly Meter Meter = new("Metering.Pipeline");

    /// <summary>Those of the stages that this process runs.</summary>
    public static void Register(PipelineHost pipeline)
    {
        if (pipeline.Meter is { } meter)
            Register(meter, pipeline.Time);
        if (pipeline.Govern is { } govern)
            Register(govern);
        if (pipeline.Sink is { } sink)
            Register(sink.Stage, pipeline.Time);
    }

    private static void Register(MeterPart meter, TimeProvider time)
    {
        var counters = meter.Context.Counters;
        Meter.CreateObservableCounter("metering.meter.events.metered", () => counters.Metered, "{event}", "Events metered by this process.");
        Meter.CreateObservableCounter("metering.meter.events.duplicate", () => counters.Duplicate, "{event}", "Events dropped because they were metered before.");
        Meter.CreateObservableCounter("metering.meter.events.unpriced", () => counters.Unpriced, "{event}", "Metered events whose model had no price at their time.");
        Meter.CreateObservableCounter("metering.meter.events.clamped", () => counters.Clamped, "{event}", "Metered events whose time rates moved into the seconds before their arrival.");
        Meter.CreateObservableCounter("metering.meter.events.rejected", () => Rejected(counters), "{event}", "Records sent to the dead letters, by reason.");
        Meter.CreateObservableCounter("metering.meter.tokens.input", () => counters.InputTokens, "{token}", "Input tokens metered by this process.");
        Meter.CreateObservableCounter("metering.meter.tokens.output", () => counters.OutputTokens, "{token}", "Output tokens metered by this process.");
        Meter.CreateObservableCounter("metering.meter.transactions", () => meter.Tasks.Sum(task => task.Transactions), "{transaction}", "Transactions committed.");
        Meter.CreateObservableGauge("metering.meter.transactions.open", () => meter.Tasks.Count(task => task.IsInTransaction), "{transaction}", "Transactions begun and not ended.");
        Meter.CreateObservableCounter("metering.meter.rebuilds", () => meter.Tasks.Sum(task => task.Rebuilds), "{rebuild}", "Tasks rebuilt from their changelog.");
        Meter.CreateObservableGauge("metering.meter.events.lost", () => meter.Tasks.Sum(task => counters.Lost(task.Partition)), "{event}", "Events of this process's partitions that were numbered and have not come within the grace time.");
        Meter.CreateObservableGauge("metering.meter.events.missing", () => meter.Tasks.Sum(task => counters.Missing(task.Partition)), "{event}", "Events of this process's partitions that later ones show to be missing, within the grace time.");
        Meter.CreateObservableGauge("metering.meter.lag.records", () => meter.Tasks.Sum(task => Math.Max(0, task.Lag)), "{record}", "Records behind the high watermark.");
        Meter.CreateObservableGauge("metering.meter.lag.seconds", () => PipelineLag.MeterSince(meter) is { } since ? Math.Max(0, (time.GetUtcNow() - since).TotalSeconds) : 0, "s", "Age of the last event metered, by its own time, while there is lag.");
    }

    private static void Register(GovernPart govern)
    {
        var counters = govern.Context.Counters;
        Meter.CreateObservableCounter("metering.govern.deltas", () => counters.Deltas, "{record}", "Records of usage taken by this process.");
        Meter.CreateObservableCounter("metering.govern.decisions", () => counters.Decisions, "{decision}", "Decisions published or taken back.");
        Meter.CreateObservableCounter("metering.govern.undecodable", () => counters.Undecodable, "{record}", "Records of its inputs that are not ours.");
        Meter.CreateObservableCounter("metering.govern.transactions", () => govern.Tasks.Sum(task => task.Transactions), "{transaction}", "Transactions committed.");
        Meter.CreateObservableCounter("metering.govern.rebuilds", () => govern.Tasks.Sum(task => task.Rebuilds), "{rebuild}", "Tasks rebuilt from their changelog.");
        Meter.CreateObservableGauge("metering.govern.scopes", () => counters.Scopes, "{scope}", "Scopes whose rates are kept.");
        Meter.CreateObservableGauge("metering.govern.lag.records", () => govern.Tasks.Sum(task => Math.Max(0, task.Lag)), "{record}", "Records behind the high watermark.");
    }

    private static void Register(SinkStage sink, TimeProvider time)
    {
        Meter.CreateObservableCounter("metering.sink.rows", () => sink.Status.Sum(status => status.InsertedRows), "{row}", "Rows inserted and acknowledged.");
        Meter.CreateObservableCounter("metering.sink.plans", () => sink.Status.Sum(status => status.Plans), "{plan}", "Plans inserted and acknowledged.");
        Meter.CreateObservableGauge("metering.sink.plans.open", () => sink.Status.Count(status => status.IsInserting), "{plan}", "Plans committed and not acknowledged: their inserts are under way or to be repeated.");
        Meter.CreateObservableGauge("metering.sink.lag.records", () => sink.Status.Sum(status => status.Lag), "{record}", "Records of metered-blocks, markers included, behind the high watermark.");
        Meter.CreateObservableGauge("metering.sink.lag.seconds", () => sink.Status.Min(status => status.OldestWaiting) is { } oldest ? Math.Max(0, (time.GetUtcNow() - oldest).TotalSeconds) : 0, "s", "Age of the oldest block that is not in the ledger.");
        Meter.CreateObservableGauge("metering.sink.partitions.stopped", () => sink.Status.Count(status => status.IsStopped), "{partition}", "Partitions that stand still until a person acts.");
    }

    private static IEnumerable<Measurement<long>> Rejected(MeterCounters counters)
    {
        foreach (var reason in Enum.GetValues<DeadLetterReason>())
            yield return new Measurement<long>(counters.RejectedFor(reason), new KeyValuePair<string, object?>("reason", reason.Symbol()));
    }
}
