using System.Globalization;
using Metering.Benchmarks.Sink;
using Metering.ClickHouse.Embedded;
using Metering.Kafka.Tasks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Engine;

/// <summary>METER with all its work, exactly once, on one partition of a real Kafka beside it on the same cores, against loops
/// that do less: one that decodes nothing, and one that sums per tenant by Confluent's deserializer. In turn in each round, on
/// the same records; a ratio is the median of the rounds' own.</summary>
public static class EngineBench
{
    private const string Bench = "engine";
    private const double IntervalMs = 50;
    private const int Events = 1_500_000, DeserializedEvents = 200_000, RoundCount = 3;

    public static IReadOnlyList<Figure> Run() => TopicRun.IsPossible
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "METER, records/s", 0, "x", null, null, Met: true, "skipped: no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)")];

    private sealed record Round(Measured Plain, Measured Deserialized, Measured OneByOne, Measured Meter);

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        await using var topic = await MeterTopic.CreateAsync(Events);
        var rounds = new List<Round>();
        for (var i = 0; i < RoundCount + 1; i++) // one for tiered compilation
        {
            var name = i.ToString(CultureInfo.InvariantCulture);
            rounds.Add(new(
                topic.Consume(),
                topic.Deserialize(DeserializedEvents),
                await topic.MeterAsync("one-" + name, options => Native(topic, options with { OneByOne = true })),
                await topic.MeterAsync("batch-" + name, options => Native(topic, options))));
        }
        rounds.RemoveAt(0);
        var restored = await RestoreRun.MeasureAsync(topic);
        double Median(Func<Round, double> value) => Rounds.Median(rounds.Select(value));
        return
        [
            .. Told("Consume() loop", round => round.Plain),
            .. Told("Consume() + AvroDeserializer + sums", round => round.Deserialized),
            .. Told("METER, records one by one", round => round.OneByOne),
            .. Told("METER", round => round.Meter),
            Figure.AtLeast(Bench, "METER, records/s", Median(round => round.Meter.RecordsPerSecond / round.Plain.RecordsPerSecond), "x", 1.5, "Consume() loop"),
            Figure.AtLeast(Bench, "METER, records/s", Median(round => round.Meter.RecordsPerSecond / round.Deserialized.RecordsPerSecond), "x", 10, "Consume() + AvroDeserializer + sums"),
            Figure.AtMost(Bench, "METER, CPU a record", Median(round => round.Meter.CpuMicros / round.Plain.CpuMicros), "x", 1, "Consume() loop"),
            Figure.AtMost(Bench, "METER, garbage a record", Median(round => round.Meter.AllocatedBytes), "B", 8),
            Figure.AtLeast(Bench, "restore, entries of a changelog", restored, "entries/s", 1_000_000),
            .. await PathAsync(topic, Median(round => round.Plain.RecordsPerSecond)),
        ];

        IEnumerable<Figure> Told(string name, Func<Round, Measured> of) =>
        [
            Figure.Told(Bench, name, Median(round => of(round).RecordsPerSecond), "records/s"),
            Figure.Told(Bench, name + ", CPU a record", Median(round => of(round).CpuMicros), "µs"),
            Figure.Told(Bench, name + ", garbage a record", Median(round => of(round).AllocatedBytes), "B"),
        ];
    }

    private static async Task<IReadOnlyList<Figure>> PathAsync(MeterTopic topic, double plain)
    {
        if (ChdbLibrary.TryFind() is null)
            return [new Figure(Bench, "whole path to queryable rows", 0, "x", "Consume() loop", 0.5, Met: false, "the embedded ClickHouse is not on this machine (./metering doctor)")];
        double drained;
        await using (var path = await PathRun.PrepareAsync(topic))
            drained = await path.DrainAsync(Events);
        await using var empty = await MeterTopic.CreateAsync(0);
        await using var follow = await PathRun.PrepareAsync(empty);
        var (deltas, rows) = await follow.FollowAsync();
        return
        [
            Figure.Told(Bench, "whole path to queryable rows", drained, "records/s"),
            Figure.AtLeast(Bench, "whole path to queryable rows", drained / plain, "x", 0.5, "Consume() loop"),
            Figure.AtMost(Bench, "acknowledged to UsageDelta readable, 20,000 events/s, p50", deltas.P50, "ms", 1.5 * IntervalMs),
            Figure.AtMost(Bench, "acknowledged to UsageDelta readable, 20,000 events/s, p99", deltas.P99, "ms", 3 * IntervalMs),
            Figure.Told(Bench, "acknowledged to row queryable, 20,000 events/s, p50", rows.P50, "ms"),
            Figure.AtMost(Bench, "acknowledged to row queryable, 20,000 events/s, p99", rows.P99, "ms", 1000),
        ];
    }

    private static TransactionalStage Native(MeterTopic topic, TaskOptions options) =>
        new(topic.Kafka, options, NullLogger<TransactionalStage>.Instance, TimeProvider.System);
}
