using System.Diagnostics;
using System.Globalization;
using Metering.Benchmarks.Engine;
using Metering.ClickHouse.Embedded;
using Metering.Testing;

namespace Metering.Benchmarks.Backlog;

/// <summary>
/// The whole path, METER, SINK and the embedded ClickHouse in one process, starts far behind on a real Kafka: does its speed hold,
/// and does its memory stay flat? The last fifth of the way is held against the second: the first one fills caches and buffers.
/// By default as many events as end within five minutes; METERING_BENCH_BACKLOG names another number, such as 50000000.
/// </summary>
public static class BacklogBench
{
    private const string Bench = "backlog";
    private const string Baseline = "the second fifth of the same way";
    private const int DefaultEvents = 6_000_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    public static IReadOnlyList<Figure> Run()
    {
        if (ChdbLibrary.TryFind() is null || SharedFolder.TryPath("kafka/kafka") is null)
            return [new Figure(Bench, "memory", 0, "x", Baseline, 1.2, Met: false, "the embedded ClickHouse or a real Kafka is not on this machine (./metering doctor; METERING_SHARED)")];
        var events = Environment.GetEnvironmentVariable("METERING_BENCH_BACKLOG") is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : DefaultEvents;
        return RunAsync(events).GetAwaiter().GetResult();
    }

    private readonly record struct Sample(double Seconds, long Rows, double MegaBytes, double ManagedMegaBytes);

    private static async Task<IReadOnlyList<Figure>> RunAsync(int events)
    {
        await using var topic = await MeterTopic.CreateAsync(events);
        await using var path = await PathRun.PrepareAsync(topic);
        var start = Stopwatch.GetTimestamp();
        await path.StartAsync();
        var samples = new List<Sample>();
        for (var rows = 0L; rows < events; await Task.Delay(LookEvery))
        {
            rows = await path.CountAsync();
            samples.Add(new(Stopwatch.GetElapsedTime(start).TotalSeconds, rows, Environment.WorkingSet / 1e6, GC.GetTotalMemory(forceFullCollection: false) / 1e6));
            path.ThrowIfEnded();
        }
        var (early, late) = (Between(samples, events * 0.2, events * 0.4), Between(samples, events * 0.8, events));
        return
        [
            Figure.Told(Bench, "events behind at the start", events, "events"),
            Figure.Told(Bench, "the same by the events' own time", (double)events / Meter.FleetRecords.EventsPerSecond, "s"),
            Figure.Told(Bench, "whole way", events / samples[^1].Seconds, "rows/s"),
            Figure.AtLeast(Bench, "speed of the last fifth", Speed(late) / Speed(early), "x", 0.9, Baseline),
            Figure.Told(Bench, "memory, most in the second fifth", early.Max(sample => sample.MegaBytes), "MB"),
            Figure.Told(Bench, "memory, most in the last fifth", late.Max(sample => sample.MegaBytes), "MB"),
            Figure.Told(Bench, "of it managed, most", samples.Max(sample => sample.ManagedMegaBytes), "MB"),
            Figure.AtMost(Bench, "memory of the last fifth", late.Max(sample => sample.MegaBytes) / early.Max(sample => sample.MegaBytes), "x", 1.2, Baseline),
        ];
    }

    private static List<Sample> Between(List<Sample> samples, double from, double to)
    {
        var some = samples.Where(sample => sample.Rows >= from && sample.Rows <= to).ToList();
        return some.Count > 1 ? some : throw new InvalidOperationException("too few events for a fifth of two samples: name more in METERING_BENCH_BACKLOG");
    }

    private static double Speed(List<Sample> samples) => (samples[^1].Rows - samples[0].Rows) / (samples[^1].Seconds - samples[0].Seconds);
}
