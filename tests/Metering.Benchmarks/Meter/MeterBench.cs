using System.Diagnostics;
using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;

namespace Metering.Benchmarks.Meter;

/// <summary>METER's processor alone, without Kafka: what one task's thread can do at most, and what it allocates.</summary>
public static class MeterBench
{
    private const string Bench = "meter";
    private const int Events = 200_000;
    private const int WarmUpEvents = 50_000;
    private const int RoundCount = 7;

    public static IReadOnlyList<Figure> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var context = await FleetMeter.CreateContextAsync();
        var records = new FleetRecords(TimeProvider.System.GetUtcNow()).Next(Events);
        var rounds = Enumerable.Range(0, RoundCount + 2).Select(_ => Measure(records, context)).Skip(2).ToList(); // two for tiered compilation
        context.Policies = Extra();
        var more = Enumerable.Range(0, RoundCount + 2).Select(_ => Measure(records, context)).Skip(2).ToList();
        return
        [
            Figure.Told(Bench, "bytes of an event, mean", records.Average(record => record.Value.Length), "B"),
            Figure.Told(Bench, "processor, all its work, one thread", Rounds.Median(rounds.Select(round => round.EventsPerSecond)), "events/s"),
            Figure.Told(Bench, "bytes allocated", Rounds.Median(rounds.Select(round => round.AllocatedBytes)), "B/event"),
            Figure.Told(Bench, "bytes to the ledger", rounds[0].SentBytes, "B/event"),
            Figure.Told(Bench, "the same, with two more scopes that policies name", Rounds.Median(more.Select(round => round.EventsPerSecond)), "events/s"),
            Figure.Told(Bench, "bytes allocated with them", Rounds.Median(more.Select(round => round.AllocatedBytes)), "B/event"),
        ];
    }

    // Each event counts in both.
    private static PolicyMatcher Extra() => PolicyMatcher.Create(
    [
        Limit("tenant-model-route", new PolicyMatch("tenant", [], Each: true), new PolicyMatch("model", [], Each: true), new PolicyMatch("route", [], Each: true)),
        Limit("model-route", new PolicyMatch("model", [], Each: true), new PolicyMatch("route", [], Each: true)),
    ]);

    private static Policy Limit(string name, params PolicyMatch[] match) =>
        new() { Name = name, Match = match, Unit = LimitUnit.Tokens, Amount = 1_000, Per = LimitPeriod.Minute, Hard = true };

    private static (double EventsPerSecond, double AllocatedBytes, double SentBytes) Measure(FleetRecords.Encoded[] records, MeterContext context)
    {
        var processor = new MeterProcessor(0, context);
        var output = new CountingOutput();
        Meter(processor, output, records, 0, WarmUpEvents);
        output.SentBytes = 0;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        Meter(processor, output, records, WarmUpEvents, records.Length);
        var elapsed = Stopwatch.GetElapsedTime(start);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        double events = records.Length - WarmUpEvents;
        return (events / elapsed.TotalSeconds, allocated / events, output.SentBytes / events);
    }

    private static void Meter(MeterProcessor processor, CountingOutput output, FleetRecords.Encoded[] records, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (processor.Process(records[i].At(i)) != ProcessResult.Taken)
                throw new InvalidOperationException($"record {i} was not taken");
            if (processor.WantsCommit || (i + 1) % FleetMeter.EventsPerCommit == 0)
                processor.OnCommit(DateTimeOffset.FromUnixTimeMilliseconds(records[i].ArrivedAtMs), output);
        }
        if (output.DeadLetters > 0)
            throw new InvalidOperationException($"{output.DeadLetters} records went to the dead letters: this would not measure the good path");
    }

    private sealed class CountingOutput : ITransactionOutput
    {
        public long SentBytes { get; set; }

        public int DeadLetters { get; private set; }

        public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
        {
            SentBytes += value.Length;
            if (topic == Pipeline.Meter.DeadLetters.Topic)
                DeadLetters++;
        }

        public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
        }
    }
}
