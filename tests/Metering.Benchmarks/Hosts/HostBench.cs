using System.Globalization;
using Metering.Benchmarks.Engine;
using Metering.Benchmarks.Sink;
using Metering.Kafka.Tasks;
using Metering.Streamiz;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Hosts;

/// <summary>METER, all its work and exactly once, on one partition of a real Kafka: under Streamiz, under our own host, and a
/// plain Consume() loop that decodes nothing, on the same records.</summary>
public static class HostBench
{
    private const string Bench = "streamiz";
    private const int Events = 300_000;
    private const int RoundCount = 3;

    public static IReadOnlyList<Figure> Run() => TopicRun.IsPossible
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "METER under Streamiz", 0, "records/s", null, null, Met: true, "skipped: no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)")];

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        await using var topic = await MeterTopic.CreateAsync(Events);
        var rounds = new List<Round>();
        for (var i = 0; i < RoundCount + 1; i++) // in turn, so that what disturbs the machine disturbs all three; one for tiered compilation
        {
            var name = i.ToString(CultureInfo.InvariantCulture);
            rounds.Add(new(
                topic.Consume(),
                await topic.MeterAsync("native-" + name, options => new TransactionalStage(topic.Kafka, options, NullLogger<TransactionalStage>.Instance, TimeProvider.System)),
                await topic.MeterAsync("streamiz-" + name, options => new StreamizStage(topic.Kafka, options, NullLoggerFactory.Instance, TimeProvider.System))));
        }
        rounds.RemoveAt(0);
        double Median(Func<Round, double> value) => Rounds.Median(rounds.Select(value));
        return
        [
            Figure.Told(Bench, "plain Consume() loop", Median(round => round.Plain.RecordsPerSecond), "records/s"),
            Figure.Told(Bench, "METER under our own host", Median(round => round.Native.RecordsPerSecond), "records/s"),
            Figure.Told(Bench, "METER under Streamiz", Median(round => round.Streamiz.RecordsPerSecond), "records/s"),
            Against("Streamiz, records/s", Median(round => round.Streamiz.RecordsPerSecond / round.Native.RecordsPerSecond), "our own host"),
            Against("Streamiz, records/s, to the plain loop", Median(round => round.Streamiz.RecordsPerSecond / round.Plain.RecordsPerSecond), "plain Consume() loop"),
            Against("Streamiz, CPU of this process a record", Median(round => round.Streamiz.CpuMicros / round.Native.CpuMicros), "our own host"),
            Figure.Told(Bench, "garbage under our own host", Median(round => round.Native.AllocatedBytes), "B/record"),
            Figure.Told(Bench, "garbage under Streamiz", Median(round => round.Streamiz.AllocatedBytes), "B/record"),
        ];
    }

    private sealed record Round(Measured Plain, Measured Native, Measured Streamiz);

    private static Figure Against(string name, double ratio, string baseline) => new(Bench, name, ratio, "x", baseline, null, Met: true);
}
