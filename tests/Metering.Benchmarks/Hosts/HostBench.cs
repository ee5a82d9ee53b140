using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Metering.Benchmarks.Meter;
using Metering.Benchmarks.Sink;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Streamiz;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Benchmarks.Hosts;

/// <summary>METER, all its work and exactly once, on one partition of a real Kafka: under Streamiz, under our own host, and a
/// plain Consume() loop that decodes nothing, on the same records.</summary>
public static class HostBench
{
    private const string Bench = "streamiz";
    private const int Events = 300_000;
    private const string Input = MeterProcessor.InputTopic;
    private const int RoundCount = 3;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(3);

    public static IReadOnlyList<Figure> Run() => TopicRun.IsPossible
        ? RunAsync().GetAwaiter().GetResult()
        : [new Figure(Bench, "METER under Streamiz", 0, "records/s", null, null, Met: true, "skipped: no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)")];

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var fixture = new KafkaFixture();
        await fixture.InitializeAsync();
        try
        {
            var kafka = new KafkaSettings { Brokers = fixture.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
            foreach (var topic in (string[])[Input, MeteredBlock.Topic, "dead-letters"])
                await fixture.CreateTopicAsync(kafka.Topic(topic));
            Produce(kafka);
            var rounds = new List<Round>();
            for (var i = 0; i < RoundCount + 1; i++) // in turn, so that what disturbs the machine disturbs all three; one for tiered compilation
            {
                var name = i.ToString(CultureInfo.InvariantCulture);
                rounds.Add(new(
                    Consume(kafka),
                    await MeterAsync(fixture, kafka, "native-" + name, options => new TransactionalStage(kafka, options, NullLogger<TransactionalStage>.Instance, TimeProvider.System)),
                    await MeterAsync(fixture, kafka, "streamiz-" + name, options => new StreamizStage(kafka, options, NullLoggerFactory.Instance, TimeProvider.System))));
            }
            rounds.RemoveAt(0);
            double Median(Func<Round, double> value) => Rounds.Median(rounds.Select(value));
            return
            [
                Figure.Told(Bench, "plain Consume() loop", Median(round => round.Plain), "records/s"),
                Figure.Told(Bench, "METER under our own host", Median(round => round.Native.RecordsPerSecond), "records/s"),
                Figure.Told(Bench, "METER under Streamiz", Median(round => round.Streamiz.RecordsPerSecond), "records/s"),
                Against("Streamiz, records/s", Median(round => round.Streamiz.RecordsPerSecond / round.Native.RecordsPerSecond), "our own host"),
                Against("Streamiz, records/s, to the plain loop", Median(round => round.Streamiz.RecordsPerSecond / round.Plain), "plain Consume() loop"),
                Against("Streamiz, CPU of this process a record", Median(round => round.Streamiz.CpuMicros / round.Native.CpuMicros), "our own host"),
                Figure.Told(Bench, "garbage under our own host", Median(round => round.Native.AllocatedBytes), "B/record"),
                Figure.Told(Bench, "garbage under Streamiz", Median(round => round.Streamiz.AllocatedBytes), "B/record"),
            ];
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    private sealed record Round(double Plain, Measured Native, Measured Streamiz);

    private sealed record Measured(double RecordsPerSecond, double CpuMicros, double AllocatedBytes);

    private static Figure Against(string name, double ratio, string baseline) => new(Bench, name, ratio, "x", baseline, null, Met: true);

    // From its first commit to its last, so that joining and taking over are left out.
    private static async Task<Measured> MeterAsync(KafkaFixture fixture, KafkaSettings kafka, string stage, Func<TaskOptions, IStageHost> create)
    {
        await fixture.CreateTopicAsync(kafka.Topic($"metering-{stage}-changelog"), 1, ("cleanup.policy", "compact"));
        var context = await FleetMeter.CreateContextAsync();
        var host = create(new TaskOptions
        {
            Stage = stage,
            InputTopic = Input,
            CreateProcessor = partition => new MeterProcessor(partition, context),
            WaitAsync = context.Schemas.ResolvePendingAsync,
        });
        using var stop = new CancellationTokenSource();
        var running = host.RunAsync(stop.Token);
        await UntilAsync(host, running, 1);
        using var self = Process.GetCurrentProcess();
        var (records, start, cpu, allocated) = (Records(host), Stopwatch.GetTimestamp(), self.TotalProcessorTime, GC.GetTotalAllocatedBytes());
        await UntilAsync(host, running, Events);
        self.Refresh();
        double count = Events - records;
        var measured = new Measured(
            count / Stopwatch.GetElapsedTime(start).TotalSeconds, (self.TotalProcessorTime - cpu).TotalMicroseconds / count, (GC.GetTotalAllocatedBytes() - allocated) / count);
        await stop.CancelAsync();
        await running;
        return measured;
    }

    private static long Records(IStageHost host) => host.Status.Tasks.Sum(task => task.Records);

    private static async Task UntilAsync(IStageHost host, Task running, long records)
    {
        for (var since = Stopwatch.GetTimestamp(); Records(host) < records; await Task.Delay(LookEvery))
        {
            if (running.IsCompleted)
                await running;
            if (Stopwatch.GetElapsedTime(since) > GiveUpAfter)
                throw new TimeoutException($"{host.GetType().Name} has not got there in {GiveUpAfter.TotalMinutes} min: {host.Status}");
        }
    }

    private static void Produce(KafkaSettings kafka)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(kafka.Producer()).SetLogHandler((_, _) => { }).Build();
        var records = new FleetRecords(TimeProvider.System.GetUtcNow());
        for (var sent = 0; sent < Events; sent += FleetMeter.EventsPerCommit)
        {
            foreach (var record in records.Next(FleetMeter.EventsPerCommit))
                producer.Produce(kafka.Topic(Input), new() { Key = record.Key, Value = record.Value });
            producer.Flush(TimeSpan.FromSeconds(60));
        }
    }

    private static double Consume(KafkaSettings kafka)
    {
        using var consumer = new ConsumerBuilder<byte[], byte[]>(kafka.Reader()).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(kafka.Topic(Input), 0, Offset.Beginning));
        Next(consumer);
        var start = Stopwatch.GetTimestamp();
        for (var i = 1; i < Events; i++)
            Next(consumer);
        return (Events - 1) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Next(IConsumer<byte[], byte[]> consumer) =>
        _ = consumer.Consume(TimeSpan.FromSeconds(30)) ?? throw new TimeoutException("the topic has ended before its last record");
}
