using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Benchmarks.Meter;
using Metering.Events;
using Metering.Pipeline.Meter;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Benchmarks.Loop;

/// <summary>A fleet's load, paced, and among it events of tenants that nobody else has, each of which crosses its tenant's soft limit.</summary>
internal sealed class CrossingFleet(KafkaSettings kafka, int schemaId, string policy, long limit, InForceWatch watch) : IDisposable
{
    public const int CrossingsPerSecond = 50;

    private const int Sources = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _topic = kafka.Topic(MeterProcessor.InputTopic);
    private readonly IProducer<byte[], byte[]> _producer = Producer(kafka);
    private readonly long _epoch = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() << 21;
    private readonly List<Crossing> _crossings = [];

    /// <summary>One event and its decision; timestamps, 0 until they are there.</summary>
    internal sealed class Crossing
    {
        public required long ProducedAt { get; init; }

        public long AcknowledgedAt;

        public long InForceAt;

        /// <summary>By the governor's clock, Unix µs.</summary>
        public long DecidedAtMicros;

        public long InForceAtMicros;
    }

    public IReadOnlyList<Crossing> Crossings => _crossings;

    /// <summary>Produces for so long; what comes in the first of it warms up and is not kept.</summary>
    public async Task RunAsync(TimeSpan warmUp, TimeSpan measured)
    {
        var fleet = new FleetRecords(TimeProvider.System.GetUtcNow(), schemaId);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        var (start, sent, crossed) = (Stopwatch.GetTimestamp(), 0, 0);
        while (Stopwatch.GetElapsedTime(start) is var elapsed && elapsed < warmUp + measured)
        {
            var due = (int)(elapsed.TotalSeconds * FleetRecords.EventsPerSecond) - sent;
            foreach (var record in fleet.Next(due))
                _producer.Produce(_topic, new() { Key = record.Key, Value = record.Value });
            sent += due;
            for (; crossed < elapsed.TotalSeconds * CrossingsPerSecond; crossed++)
                Cross(crossed, isKept: elapsed >= warmUp);
            await timer.WaitForNextTickAsync();
        }
        _producer.Flush(Patience);
    }

    public void Dispose() => _producer.Dispose();

    // A fleet's gateways send from their own machines. An idempotent client spins while five requests are under way and more wait
    // (60 % of a core here): this one waits longer for each, and may have any number under way.
    private static IProducer<byte[], byte[]> Producer(KafkaSettings kafka)
    {
        var config = kafka.Producer();
        (config.EnableIdempotence, config.MaxInFlight, config.LingerMs) = (false, 1_000, 20);
        return new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
    }

    private void Cross(int number, bool isKept)
    {
        var (tenant, source) = (string.Create(CultureInfo.InvariantCulture, $"crossing-{number}"), string.Create(CultureInfo.InvariantCulture, $"crossings-{number % Sources}"));
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, schemaId, new TokenEvent
        {
            Source = source,
            Epoch = _epoch,
            Sequence = (number / Sources) + 1,
            RequestId = "r",
            Model = "gpt-4o",
            InputTokens = limit,
            Tenant = tenant,
            EventTimeMicros = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000,
        });
        var crossing = new Crossing { ProducedAt = Stopwatch.GetTimestamp() };
        if (isKept)
            _crossings.Add(crossing);
        watch.Await("tenant=" + tenant, policy, (decision, at) =>
        {
            (crossing.DecidedAtMicros, crossing.InForceAtMicros) = (decision.DecidedAtMicros, Micros(TimeProvider.System.GetUtcNow()));
            Volatile.Write(ref crossing.InForceAt, at);
        });
        _producer.Produce(_topic, new() { Key = Encoding.UTF8.GetBytes(source), Value = output.WrittenSpan.ToArray() }, report =>
        {
            if (report.Error.IsError)
                throw new KafkaException(report.Error);
            Volatile.Write(ref crossing.AcknowledgedAt, Stopwatch.GetTimestamp());
        });
    }

    private static long Micros(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
