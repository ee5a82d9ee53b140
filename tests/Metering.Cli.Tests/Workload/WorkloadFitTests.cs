using Metering.Cli.Replay;
using Metering.Cli.Workload;
using Metering.Events;
using Metering.Testing;

namespace Metering.Cli.Tests.Workload;

/// <summary>The generated load against the traces that it is fitted to (docs/workload.md). The seed is fixed: no flicker.</summary>
public sealed class WorkloadFitTests
{
    private const int Generated = 1_000_000;

    private static readonly double[] Levels = [0.10, 0.50, 0.90, 0.99];

    [Fact]
    public void Chat_matches_Azure_2023_quantiles_within_5_percent_and_CV_within_5_percent() =>
        AssertFits(WorkloadProfiles.Chat, Read("AzureLLMInferenceTrace_conv_2023.csv.gz", new TraceOptions()), tolerance: 0.05, cvTolerance: 0.05);

    [Fact]
    public void Agents_match_Mooncake_quantiles_within_10_percent_CV_within_5_and_its_cached_share_within_5()
    {
        var trace = Read("mooncake_synthetic_trace.jsonl.gz", new TraceOptions());
        var ours = AssertFits(WorkloadProfiles.Agents, trace, tolerance: 0.10, cvTolerance: 0.05);
        static double CachedShare(IEnumerable<TokenEvent> events) => events.Sum(e => (double)e.CachedInputTokens) / events.Sum(e => (double)e.InputTokens);
        AssertNear("cached share", CachedShare(trace.Select(e => e.Event)), CachedShare(ours), 0.05);
    }

    [Fact]
    public void Reasoning_matches_ServeGen_deepseek_r1_quantiles_within_15_percent()
    {
        var trace = Read("", new TraceOptions { ServeGenModel = "deepseek-r1", ServeGenRate = 0.1m });
        var ours = AssertFits(WorkloadProfiles.Reasoning, trace, tolerance: 0.15, cvTolerance: null);
        static double ReasoningShare(IEnumerable<TokenEvent> events) => events.Average(e => (double)e.ReasoningTokens / e.OutputTokens);
        AssertNear("reasoning share", ReasoningShare(trace.Select(e => e.Event)), ReasoningShare(ours), 0.05);
    }

    [Fact]
    public void Every_profile_arrives_with_its_CV_within_5_percent()
    {
        foreach (var profile in WorkloadProfiles.All)
            AssertNear($"{profile.Name}: CV", profile.ArrivalCv, Cv(Gaps(Arrivals(profile))), 0.05);
    }

    private static List<TokenEvent> AssertFits(WorkloadProfile profile, List<TraceEvent> trace, double tolerance, double? cvTolerance)
    {
        var ours = WorkloadGeneratorTests.Requests(Generated).Where(r => r.Profile == profile && r.Event.Status == Status.Ok).Select(r => r.Event).ToList();
        foreach (var (what, ofOurs, ofTrace) in (IEnumerable<(string, IEnumerable<long>, IEnumerable<long>)>)
            [
                ("input tokens", ours.Select(e => e.InputTokens), trace.Select(e => e.Event.InputTokens)),
                ("output tokens", ours.Select(e => e.OutputTokens), trace.Select(e => e.Event.OutputTokens)),
            ])
        {
            var expected = ofTrace.Order().ToList();
            var actual = ofOurs.Order().ToList();
            foreach (var level in Levels)
                AssertNear($"{profile.Name}: p{level * 100:0} of {what}", Quantile(expected, level), Quantile(actual, level), tolerance);
        }
        if (cvTolerance is { } most)
            AssertNear($"{profile.Name}: inter-arrival CV", Cv(Gaps([.. trace.Select(e => e.OffsetMicros / 1e6)])), Cv(Gaps(Arrivals(profile))), most);
        return ours;
    }

    /// <summary>Within the tolerance, or within one token where tokens are few.</summary>
    private static void AssertNear(string what, double expected, double actual, double tolerance)
    {
        var allowed = Math.Max(expected * tolerance, expected >= 2 ? 1 : 0);
        Assert.True(Math.Abs(actual - expected) <= allowed, $"{what}: the trace has {expected:0.###}, the workload {actual:0.###}, more than {tolerance:P0} apart");
    }

    private static List<double> Arrivals(WorkloadProfile profile)
    {
        var arrivals = new List<double>();
        var now = 0.0;
        foreach (var request in WorkloadGeneratorTests.Requests(Generated))
        {
            now += request.Delay.TotalSeconds;
            if (request.Profile == profile)
                arrivals.Add(now);
        }
        return arrivals;
    }

    private static List<double> Gaps(List<double> times) => [.. times.Zip(times.Skip(1), (a, b) => b - a)];

    private static double Cv(List<double> gaps)
    {
        var mean = gaps.Average();
        return Math.Sqrt(gaps.Average(g => (g - mean) * (g - mean))) / mean;
    }

    private static double Quantile(List<long> sorted, double level) => sorted[(int)(level * (sorted.Count - 1))];

    private static List<TraceEvent> Read(string name, TraceOptions options)
    {
        var folder = SharedFolder.TryPath("data/traces");
        Assert.SkipWhen(folder is null, "skipped: needs the shared folder (METERING_SHARED)");
        using var reader = TraceReader.Open(Path.Combine(folder!, name), options);
        return [.. reader.ReadAll()];
    }
}
