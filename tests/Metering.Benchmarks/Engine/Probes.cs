using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Benchmarks.Meter;
using Metering.ClickHouse.Ledger;
using Metering.Events;
using Metering.Pipeline.Meter;

namespace Metering.Benchmarks.Engine;

/// <summary>A fleet's load, and among it events of tenants that nobody else has: one each 10 ms, whose way can be followed.</summary>
internal sealed class ProbeSource(MeterTopic topic) : IDisposable
{
    public const int Probes = 2_500;
    public const string Tenant = "probe-";

    // The first seconds are not counted: partitions are assigned, code is compiled.
    private const int WarmUp = 1_000, ProbesASecond = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly IProducer<byte[], byte[]> _producer = new ProducerBuilder<byte[], byte[]>(topic.Kafka.Producer()).SetLogHandler((_, _) => { }).Build();
    private readonly long[] _acknowledged = new long[Probes + 1];

    /// <summary>Milliseconds since the event's acknowledgement; null for one of the warm-up.</summary>
    public double? Since(int probe, long now)
    {
        // A reader may be faster than the delivery report.
        var at = Volatile.Read(ref _acknowledged[probe]);
        return probe <= WarmUp ? null : at == 0 ? 0 : Stopwatch.GetElapsedTime(at, now).TotalMilliseconds;
    }

    public async Task RunAsync()
    {
        var fleet = new FleetRecords(TimeProvider.System.GetUtcNow());
        var start = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        var sent = 0;
        for (var probe = 1; probe <= Probes; await timer.WaitForNextTickAsync())
        {
            var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            var due = (int)(elapsed * FleetRecords.EventsPerSecond) - sent;
            foreach (var record in fleet.Next(due))
                _producer.Produce(topic.Kafka.Topic(MeterProcessor.InputTopic), new() { Key = record.Key, Value = record.Value });
            sent += due;
            for (; probe <= Probes && probe <= elapsed * ProbesASecond; probe++)
                Send(probe);
        }
        _producer.Flush(Patience);
    }

    public void Dispose() => _producer.Dispose();

    private void Send(int probe)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        WireFormat.Write(output, FleetRecords.SchemaId, new TokenEvent
        {
            Source = "probes",
            Epoch = 1,
            Sequence = probe,
            RequestId = "r",
            Model = "gpt-4o",
            InputTokens = 1,
            Tenant = string.Create(CultureInfo.InvariantCulture, $"{Tenant}{probe}"),
            EventTimeMicros = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000,
        });
        _producer.Produce(topic.Kafka.Topic(MeterProcessor.InputTopic), new() { Key = "probes"u8.ToArray(), Value = output.WrittenSpan.ToArray() }, report =>
        {
            if (report.Error.IsError)
                throw new KafkaException(report.Error);
            Volatile.Write(ref _acknowledged[probe], Stopwatch.GetTimestamp());
        });
    }
}

/// <summary>Sees probes as a reader of <c>usage-deltas</c> does.</summary>
internal sealed class ProbeDeltas : IDisposable
{
    private static readonly byte[] Prefix = Encoding.UTF8.GetBytes("tenant=" + ProbeSource.Tenant);

    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly ProbeSource _probes;
    private readonly List<double> _took = [];
    private int _seen;

    public ProbeDeltas(MeterTopic topic, ProbeSource probes)
    {
        _probes = probes;
        _consumer = new ConsumerBuilder<byte[], byte[]>(topic.Kafka.Reader()).SetLogHandler((_, _) => { }).Build();
        _consumer.Assign(new TopicPartitionOffset(topic.Kafka.Topic("usage-deltas"), 0, Offset.Beginning));
    }

    public int Seen => Volatile.Read(ref _seen);

    public Latencies Latencies => Latencies.Of(_took);

    public Task RunAsync(CancellationToken cancellationToken) => Task.Factory.StartNew(() =>
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (_consumer.Consume(TimeSpan.FromMilliseconds(50)) is not { } record || !record.Message.Key.AsSpan().StartsWith(Prefix) || record.Message.Key.Contains((byte)'/'))
                continue;
            if (_probes.Since(int.Parse(record.Message.Key.AsSpan(Prefix.Length), CultureInfo.InvariantCulture), Stopwatch.GetTimestamp()) is { } took)
                _took.Add(took);
            Volatile.Write(ref _seen, _seen + 1);
        }
    }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose() => _consumer.Dispose();
}

/// <summary>Sees probes as an analyst does: asks for new rows ten times a second, by which it can be wrong and not be the load itself.</summary>
internal sealed class ProbeRows(ILedger ledger, ProbeSource probes)
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(100);

    private readonly List<double> _took = [];
    private int _seen;

    public int Seen => Volatile.Read(ref _seen);

    public Latencies Latencies => Latencies.Of(_took);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(AskEvery, CancellationToken.None);
            var rows = await ledger.RowsAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT sequence FROM metering.token_events WHERE source = 'probes' AND sequence > {_seen} ORDER BY sequence"), CancellationToken.None);
            var now = Stopwatch.GetTimestamp();
            _took.AddRange(rows.Select(row => probes.Since(int.Parse(row[0], CultureInfo.InvariantCulture), now)).OfType<double>());
            Volatile.Write(ref _seen, _seen + rows.Count);
        }
    }
}
