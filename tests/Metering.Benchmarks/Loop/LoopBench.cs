using Metering.Benchmarks.Broker;
using Metering.ClickHouse.Embedded;
using Metering.Testing;

namespace Metering.Benchmarks.Loop;

/// <summary>
/// The closed loop as processes on a real Kafka: how fast usage becomes a decision in force, and how exactly limits hold.
/// METERING_BENCH_LOOP names the parts to run, separated by commas, all by default; METERING_BENCH_PARTITIONS their topics' partitions, 2 by default.
/// </summary>
public static class LoopBench
{
    internal const string Bench = "loop";

    private static readonly (string Name, Func<LoopFindings, Task> Measure)[] Parts =
    [
        ("reaction", ReactionRun.MeasureAsync),
        ("soft", SoftLimitRun.MeasureAsync),
        ("share", UsableShareRun.MeasureAsync),
        ("hard", HardLimitRun.MeasureAsync),
        ("idle", IdleRun.MeasureAsync),
    ];

    public static IReadOnlyList<Figure> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        if (SharedFolder.TryPath("kafka/kafka") is null)
            return [Missing("no Kafka (METERING_SHARED with kafka/kafka)")];
        if (ChdbLibrary.TryFind() is null)
            return [Missing("the embedded ClickHouse is not on this machine (./metering doctor)")];
        // Never the one that METERING_TEST_KAFKA names: it is stopped on the way.
        await using var kafka = new OwnKafkaFixture();
        await kafka.InitializeAsync();
        var findings = new LoopFindings(kafka);
        var named = Environment.GetEnvironmentVariable("METERING_BENCH_LOOP")?.Split(',');
        foreach (var (name, measure) in Parts.Where(part => named is null || named.Contains(part.Name, StringComparer.Ordinal)))
        {
            try
            {
                await measure(findings);
            }
            catch (Exception error)
            {
                // The other parts are worth their figures.
                findings.Add(Missing($"{name}: {error.GetType().Name}: {error.Message}"));
            }
        }
        return findings.Figures;
    }

    private static Figure Missing(string reason) => new(Bench, "the closed loop", 0, "", null, null, Met: false, reason);
}

/// <summary>What the parts have found so far: a later one goes by what an earlier one measured.</summary>
internal sealed class LoopFindings(OwnKafkaFixture kafka)
{
    private readonly List<Figure> _figures = [];

    public OwnKafkaFixture Kafka => kafka;

    public IReadOnlyList<Figure> Figures => _figures;

    /// <summary>The slowest that was seen, from an event's acknowledgement to its decision in force; null = not measured.</summary>
    public TimeSpan? SlowestReaction { get; set; }

    public void Add(Figure figure) => _figures.Add(figure);
}
