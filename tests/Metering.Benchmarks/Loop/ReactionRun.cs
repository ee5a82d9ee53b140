using System.Diagnostics;
using Metering.Benchmarks.Engine;
using Metering.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Loop;

/// <summary>How fast the loop is at 20,000 events/s: from an event to the decision in force, and of it from the decision's publication.
/// One machine's clock; load, view and watch are in this process, METER and GOVERN in another.</summary>
internal static class ReactionRun
{
    private const double InForceGoalMs = 20, ReactionGoalMs = 250;
    private const string Policy = "tenant-tokens", Load = ", 20,000 events/s";
    private const long Limit = 1_000;
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(20), WarmUp = TimeSpan.FromSeconds(25), Measured = TimeSpan.FromSeconds(30);

    public static async Task MeasureAsync(LoopFindings findings)
    {
        await using var stand = await LoopStand.StartAsync(findings.Kafka.Brokers);
        await stand.ApplyAsync($$"""
            policies:
              - name: {{Policy}}
                match: { tenant: each }
                limit: { tokens: {{Limit}}, per: day }
                steps: [{ at: 1, action: deny }]
            """);
        await using var view = ControlView.Start(
            new ControlOptions { Brokers = stand.Kafka.Brokers, Registry = stand.Processes.Registry, TopicPrefix = stand.Kafka.TopicPrefix }, NullLoggerFactory.Instance, TimeProvider.System);
        await view.ReadToEndAsync(CancellationToken.None).WaitAsync(LoopStand.Patience);
        await using var watch = new InForceWatch(view);
        using var fleet = new CrossingFleet(stand.Kafka, await stand.SchemaIdAsync("token-events"), Policy, Limit, watch);
        var decisions = new DecisionSource(stand.Kafka, await stand.SchemaIdAsync("control"), view.Partitions, watch);
        var quiet = await decisions.RunAsync(QuietTime);
        TellPublished(findings, [.. quiet.Skip(quiet.Count / 4)], "", InForceGoalMs); // the first of it compiles code
        var running = fleet.RunAsync(WarmUp, Measured);
        await Task.WhenAny(running, Task.Delay(WarmUp));
        TellPublished(findings, await decisions.RunAsync(Measured), Load, goalMs: null);
        await running;
        await watch.UntilAllAsync(LoopStand.Patience, "crossings of a soft limit");
        Tell(findings, fleet.Crossings);
    }

    private static void TellPublished(LoopFindings findings, IReadOnlyList<DecisionSource.Published> published, string load, double? goalMs)
    {
        // A reader may be faster than the acknowledgement.
        var inForce = Latencies.Of(published.Select(one => Math.Max(0, Ms(one.CommittedAt, one.InForceAt))));
        var fromCommit = Latencies.Of(published.Select(one => Ms(one.CommitBegunAt, one.InForceAt)));
        findings.Add(Figure.Told(LoopBench.Bench, "decision published to in force, p50" + load, inForce.P50, "ms"));
        findings.Add(goalMs is { } goal
            ? Figure.AtMost(LoopBench.Bench, "decision published to in force, p99" + load, inForce.P99, "ms", goal)
            : Figure.Told(LoopBench.Bench, "decision published to in force, p99" + load, inForce.P99, "ms"));
        findings.Add(Figure.Told(LoopBench.Bench, "decision's commit begun to in force, p99" + load, fromCommit.P99, "ms"));
    }

    private static void Tell(LoopFindings findings, IReadOnlyList<CrossingFleet.Crossing> crossings)
    {
        // A reader may be faster than the acknowledgement.
        var whole = crossings.Select(one => Math.Max(0, Ms(one.AcknowledgedAt, one.InForceAt))).ToList();
        var reaction = Latencies.Of(whole);
        var fromProduced = Latencies.Of(crossings.Select(one => Ms(one.ProducedAt, one.InForceAt)));
        var fromDecided = Latencies.Of(crossings.Select(one => (one.InForceAtMicros - one.DecidedAtMicros) / 1000.0));
        findings.SlowestReaction = TimeSpan.FromMilliseconds(whole.Max());
        findings.Add(Figure.Told(LoopBench.Bench, "event acknowledged to decision in force, p50" + Load, reaction.P50, "ms"));
        findings.Add(Figure.AtMost(LoopBench.Bench, "event acknowledged to decision in force, p99" + Load, reaction.P99, "ms", ReactionGoalMs));
        findings.Add(Figure.Told(LoopBench.Bench, "event acknowledged to decision in force, slowest" + Load, whole.Max(), "ms"));
        findings.Add(Figure.Told(LoopBench.Bench, "event produced to decision in force, p99" + Load, fromProduced.P99, "ms"));
        findings.Add(Figure.Told(LoopBench.Bench, "of it from GOVERN's decision on, p50" + Load, fromDecided.P50, "ms"));
        findings.Add(Figure.Told(LoopBench.Bench, "of it from GOVERN's decision on, p99" + Load, fromDecided.P99, "ms"));
    }

    private static double Ms(long from, long to) => (to - from) * 1000.0 / Stopwatch.Frequency;
}
