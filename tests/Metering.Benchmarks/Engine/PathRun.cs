using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Metering.Benchmarks.Meter;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Sink;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Engine;

/// <summary>The whole path in one process: METER and SINK on one partition of a real Kafka, and the embedded ClickHouse.</summary>
internal sealed class PathRun : IAsyncDisposable
{
    private const string Stage = "path";
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(10), GiveUpAfter = TimeSpan.FromMinutes(2);

    private readonly MeterTopic _topic;
    private readonly DirectoryInfo _folder;
    private readonly EmbeddedLedger _ledger;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private PathRun(MeterTopic topic, DirectoryInfo folder, EmbeddedLedger ledger) => (_topic, _folder, _ledger) = (topic, folder, ledger);

    public static async Task<PathRun> PrepareAsync(MeterTopic topic)
    {
        await topic.CreateAsync($"metering-{Stage}-changelog");
        var folder = Directory.CreateTempSubdirectory("metering-bench-path-");
        var ledger = await EmbeddedLedger.StartAsync(new EmbeddedEngineOptions { Directory = folder.FullName });
        await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None);
        return new PathRun(topic, folder, ledger);
    }

    public async Task StartAsync()
    {
        var context = await FleetMeter.CreateContextAsync();
        var meter = new TransactionalStage(_topic.Kafka, new TaskOptions
        {
            Stage = Stage,
            InputTopic = MeterProcessor.InputTopic,
            CreateProcessor = partition => new MeterProcessor(partition, context),
            WaitAsync = context.Schemas.ResolvePendingAsync,
        }, NullLogger<TransactionalStage>.Instance, TimeProvider.System);
        var sink = new SinkStage(_topic.Kafka, new LedgerOrigin("bench", _topic.Kafka.Topic(MeteredBlock.Topic), 0), new SinkOptions(), _ledger, TimeProvider.System, NullLogger<SinkStage>.Instance);
        _running.Add(meter.RunAsync(_stop.Token));
        _running.Add(sink.RunAsync(_stop.Token));
    }

    /// <summary>Records a second, from the first row in the ledger to the last of a topic that was full before.</summary>
    public async Task<double> DrainAsync(int events)
    {
        await StartAsync();
        long first;
        var since = Stopwatch.GetTimestamp();
        while ((first = await CountAsync()) == 0)
            await WaitAsync(since);
        var start = Stopwatch.GetTimestamp();
        while (await CountAsync() < events)
            await WaitAsync(since);
        return (events - first) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>From the broker's acknowledgement of an event until it is readable as a delta and as a row, in ms; the load beside it
    /// is <see cref="FleetRecords.EventsPerSecond"/>.</summary>
    public async Task<(Latencies Deltas, Latencies Rows)> FollowAsync()
    {
        await StartAsync();
        using var probes = new ProbeSource(_topic);
        using var deltas = new ProbeDeltas(_topic, probes);
        var rows = new ProbeRows(_ledger, probes);
        var watching = Task.WhenAll(deltas.RunAsync(_stop.Token), rows.RunAsync(_stop.Token));
        await probes.RunAsync();
        var since = Stopwatch.GetTimestamp();
        while (deltas.Seen < ProbeSource.Probes || rows.Seen < ProbeSource.Probes)
            await WaitAsync(since);
        await _stop.CancelAsync();
        await watching;
        return (deltas.Latencies, rows.Latencies);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        await _ledger.DisposeAsync();
        _stop.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>Rows of events in the ledger.</summary>
    public async Task<long> CountAsync() => long.Parse((await _ledger.RowsAsync("SELECT count() FROM metering.token_events"))[0][0], CultureInfo.InvariantCulture);

    /// <summary>With the error of a stage that has ended by itself.</summary>
    public void ThrowIfEnded()
    {
        if (_running.Find(task => task.IsCompleted) is { } ended)
            throw new InvalidOperationException("a stage has ended", ended.Exception);
    }

    private async Task WaitAsync(long since)
    {
        ThrowIfEnded();
        if (Stopwatch.GetElapsedTime(since) > GiveUpAfter)
            throw new TimeoutException($"the path has not got there in {GiveUpAfter.TotalMinutes} min");
        await Task.Delay(LookEvery);
    }
}

/// <summary>Milliseconds.</summary>
internal readonly record struct Latencies(double P50, double P99)
{
    public static Latencies Of(IEnumerable<double> took)
    {
        double[] sorted = [.. took.Order()];
        return new(sorted[sorted.Length / 2], sorted[sorted.Length * 99 / 100]);
    }
}
