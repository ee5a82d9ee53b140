using System.Diagnostics;
using Confluent.Kafka;
using Confluent.SchemaRegistry.Serdes;
using Metering.Benchmarks.Meter;
using Metering.Events;
using Metering.Events.Tests;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Testing;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Benchmarks.Engine;

/// <summary>What a program made of so many records: all of its threads counted, the broker not.</summary>
internal sealed record Measured(double RecordsPerSecond, double CpuMicros, double AllocatedBytes);

/// <summary>A topic of one partition on a real Kafka, full of token events, and the programs that read it.</summary>
internal sealed class MeterTopic : IAsyncDisposable
{
    private const string Input = MeterProcessor.InputTopic;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5), GiveUpAfter = TimeSpan.FromMinutes(3), Patience = TimeSpan.FromSeconds(30);

    // 50,000 records: half of what the client's queue takes.
    private const int IntervalsPerFlush = 5;

    private readonly KafkaFixture _fixture;
    private readonly int _events;

    private MeterTopic(KafkaFixture fixture, int events)
    {
        (_fixture, _events) = (fixture, events);
        Kafka = new KafkaSettings { Brokers = fixture.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
    }

    public KafkaSettings Kafka { get; }

    public static async Task<MeterTopic> CreateAsync(int events)
    {
        var fixture = new KafkaFixture();
        await fixture.InitializeAsync();
        var topic = new MeterTopic(fixture, events);
        foreach (var name in (string[])[Input, MeteredBlock.Topic, "usage-deltas", "dead-letters", "signals"])
            await fixture.CreateTopicAsync(topic.Kafka.Topic(name));
        topic.Produce();
        return topic;
    }

    /// <summary>A topic more, of one partition; its full name.</summary>
    public async Task<string> CreateAsync(string name)
    {
        await _fixture.CreateTopicAsync(Kafka.Topic(name));
        return Kafka.Topic(name);
    }

    /// <summary>A plain Consume() loop that decodes nothing.</summary>
    public Measured Consume()
    {
        using var consumer = Open();
        return Measure(_events, count =>
        {
            for (var i = 0; i < count; i++)
                Next(consumer);
        });
    }

    /// <summary>What services do: Consume(), Confluent's deserializer, a dictionary of sums per tenant.</summary>
    public Measured Deserialize(int records)
    {
        var registry = new MemoryRegistry();
        registry.Add(TokenEvent.SchemaJson);
        var deserializer = new AvroDeserializer<TokenEvent>(registry.Client);
        var context = new SerializationContext(MessageComponentType.Value, Input);
        var sums = new Dictionary<string, (long Input, long Output)>(StringComparer.Ordinal);
        using var consumer = Open();
        return Measure(records, count =>
        {
            for (var i = 0; i < count; i++)
            {
                var e = deserializer.DeserializeAsync(Next(consumer).Message.Value, isNull: false, context).GetAwaiter().GetResult();
                var (input, output) = sums.GetValueOrDefault(e.Tenant);
                sums[e.Tenant] = (input + e.InputTokens, output + e.OutputTokens);
            }
        });
    }

    /// <summary>METER, all its work and exactly once, from its first commit to its last: joining and taking over are left out.</summary>
    public async Task<Measured> MeterAsync(string stage, Func<TaskOptions, IStageHost> create)
    {
        await _fixture.CreateTopicAsync(Kafka.Topic($"metering-{stage}-changelog"), 1, ("cleanup.policy", "compact"));
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
        await UntilAsync(host, running, _events);
        self.Refresh();
        double count = _events - records;
        var measured = new Measured(
            count / Stopwatch.GetElapsedTime(start).TotalSeconds, (self.TotalProcessorTime - cpu).TotalMicroseconds / count, (GC.GetTotalAllocatedBytes() - allocated) / count);
        await stop.CancelAsync();
        await running;
        return measured;
    }

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    private static Measured Measure(int records, Action<int> run)
    {
        run(1); // connects, and fills the prefetch
        using var self = Process.GetCurrentProcess();
        var (start, cpu, allocated) = (Stopwatch.GetTimestamp(), self.TotalProcessorTime, GC.GetTotalAllocatedBytes());
        run(records - 1);
        self.Refresh();
        double count = records - 1;
        return new(count / Stopwatch.GetElapsedTime(start).TotalSeconds, (self.TotalProcessorTime - cpu).TotalMicroseconds / count, (GC.GetTotalAllocatedBytes() - allocated) / count);
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

    private static ConsumeResult<byte[], byte[]> Next(IConsumer<byte[], byte[]> consumer) =>
        consumer.Consume(Patience) ?? throw new TimeoutException("the topic has ended before its last record");

    private IConsumer<byte[], byte[]> Open()
    {
        var consumer = new ConsumerBuilder<byte[], byte[]>(Kafka.Reader()).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(Kafka.Topic(Input), 0, Offset.Beginning));
        return consumer;
    }

    private void Produce()
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(Kafka.Producer()).SetLogHandler((_, _) => { }).Build();
        // The last event is of now.
        var records = new FleetRecords(TimeProvider.System.GetUtcNow() - TimeSpan.FromSeconds(_events / (double)FleetRecords.EventsPerSecond));
        for (var sent = 0; sent < _events; sent += FleetMeter.EventsPerCommit)
        {
            foreach (var record in records.Next(FleetMeter.EventsPerCommit))
                producer.Produce(Kafka.Topic(Input), new() { Key = record.Key, Value = record.Value });
            if (sent / FleetMeter.EventsPerCommit % IntervalsPerFlush == 0)
                producer.Flush(Patience);
        }
        producer.Flush(Patience);
    }
}
