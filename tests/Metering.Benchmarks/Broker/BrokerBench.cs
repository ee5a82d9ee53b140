using System.Diagnostics;
using Metering.LocalBroker;

namespace Metering.Benchmarks.Broker;

/// <summary>
/// The local broker, in both durability modes, against a real Kafka: the same client program, one after the other in each
/// round, on one partition. Each broker is a process of its own, and alone while it is measured. The real one does not wait for the disk, ours does by
/// default: one fsync of this disk, measured in the same rounds, is allowed on top of a latency.
/// A ratio is the median of the rounds' own.
/// </summary>
public static class BrokerBench
{
    private const string Bench = "broker";
    private const string Baseline = "a real Kafka, the same client program in the same round";
    private const double ThroughputGoal = 0.7, DeliveryGoalMs = 5;
    private const int RoundCount = 3;

    /// <summary>No round begins after this: a busy machine makes fewer rounds, not a longer benchmark.</summary>
    private static readonly TimeSpan RoundsBudget = TimeSpan.FromSeconds(80);

    private static readonly RecordRun[] Runs = [new(250, 400_000), new(10_000, 20_000)];

    public static IReadOnlyList<Figure> Run() => BrokerUnderTest.IsKafkaThere
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "produce, ratio", 0, "x", Baseline, ThroughputGoal, Met: false, "no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)")];

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        await using var kafka = await BrokerUnderTest.StartKafkaAsync();
        await using var disk = await BrokerUnderTest.StartLocalAsync(Durability.Disk);
        await using var process = await BrokerUnderTest.StartLocalAsync(Durability.Process);
        await EachAloneAsync(WarmUpAsync);
        var fsyncsMs = new List<double>();
        // Latencies first: what is written to measure throughput is still on its way to the disk a minute later.
        await InRoundsAsync(async () =>
        {
            fsyncsMs.Add(DiskSync.MedianMs(disk.Folder!));
            await EachAloneAsync(DeliveryRun.MeasureAsync);
            await EachAloneAsync(CommitRun.MeasureAsync);
        });
        await InRoundsAsync(async () =>
        {
            foreach (var run in Runs)
                await EachAloneAsync(run.MeasureAsync);
        });
        return [.. Figures(kafka, disk, process, Rounds.Median(fsyncsMs))];

        async Task EachAloneAsync(Func<BrokerUnderTest, Task> measure)
        {
            await measure(kafka);
            await kafka.FreezeAsync();
            await measure(disk);
            await measure(process);
            await kafka.ThawAsync();
        }
    }

    private static async Task InRoundsAsync(Func<Task> round)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var done = 0; done < RoundCount && (done == 0 || Stopwatch.GetElapsedTime(begun) < RoundsBudget); done++)
            await round();
    }

    private static async Task WarmUpAsync(BrokerUnderTest broker)
    {
        await new RecordRun(250, 100_000).MeasureAsync(broker);
        await CommitRun.MeasureAsync(broker);
        broker.Forget();
    }

    private static IEnumerable<Figure> Figures(BrokerUnderTest kafka, BrokerUnderTest disk, BrokerUnderTest process, double fsyncMs)
    {
        yield return Figure.Told(Bench, "fsync of this disk, p50", fsyncMs, "ms");
        foreach (var run in Runs)
        {
            foreach (var what in (string[])[run.Produce, run.Fetch])
            {
                yield return Told(kafka, what, "MB/s");
                yield return Figure.Told(Bench, $"{what}: {kafka.Name}", kafka.Median(what) * 1e6 / run.ValueBytes, "records/s");
                foreach (var ours in (BrokerUnderTest[])[disk, process])
                {
                    yield return Told(ours, what, "MB/s");
                    yield return Figure.AtLeast(Bench, $"{what}: {ours.Name}, ratio", Ratio(ours, kafka, what), "x", ThroughputGoal, Baseline);
                }
            }
        }
        yield return Told(kafka, DeliveryRun.P50, "ms");
        yield return Told(kafka, DeliveryRun.P99, "ms");
        yield return Told(process, DeliveryRun.P50, "ms");
        yield return Told(process, DeliveryRun.P99, "ms");
        yield return Told(disk, DeliveryRun.P50, "ms");
        yield return Figure.AtMost(Bench, $"{DeliveryRun.P99}: {disk.Name}", disk.Median(DeliveryRun.P99), "ms", DeliveryGoalMs + fsyncMs, "5 ms and one fsync");
        foreach (var what in (string[])[CommitRun.Spaced, CommitRun.BackToBack])
        {
            foreach (var broker in (BrokerUnderTest[])[kafka, process, disk])
                yield return Told(broker, what + " p99", "ms");
            yield return Told(kafka, what + " p50", "ms");
            yield return Told(process, what + " p50", "ms");
            yield return Figure.AtMost(
                Bench, $"{what} p50: {disk.Name}", disk.Median(what + " p50"), "ms", kafka.Median(what + " p50") + fsyncMs, "a real Kafka's and one fsync");
        }
    }

    private static Figure Told(BrokerUnderTest broker, string what, string unit) => Figure.Told(Bench, $"{what}: {broker.Name}", broker.Median(what), unit);

    private static double Ratio(BrokerUnderTest ours, BrokerUnderTest theirs, string what) =>
        Rounds.Median(ours.Values(what).Zip(theirs.Values(what), (our, their) => our / their));
}
