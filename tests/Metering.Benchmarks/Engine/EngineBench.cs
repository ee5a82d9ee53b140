using System.Globalization;
using Metering.Benchmarks.Sink;
using Metering.Kafka.Tasks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Engine;

/// <summary>METER with all its work, exactly once, on one partition of a real Kafka beside it on the same cores, against loops
/// that do less: one that decodes nothing, and one that sums per tenant by Confluent's deserializer. In turn in each round, on
/// the same records; a ratio is the median of the rounds' own.</summary>
public static class EngineBench
{
    private const string Bench = "engine";
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
        ];

        IEnumerable<Figure> Told(string name, Func<Round, Measured> of) =>
        [
            Figure.Told(Bench, name, Median(round => of(round).RecordsPerSecond), "records/s"),
            Figure.Told(Bench, name + ", CPU a record", Median(round => of(round).CpuMicros), "µs"),
            Figure.Told(Bench, name + ", garbage a record", Median(round => of(round).AllocatedBytes), "B"),
        ];
    }

    private static TransactionalStage Native(MeterTopic topic, TaskOptions options) =>
        new(topic.Kafka, options, NullLogger<TransactionalStage>.Instance, TimeProvider.System);
}
