using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>Topics, stages and what they must have done, for one test.</summary>
internal sealed class StageBench : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly KafkaFixture? _kafka;
    private readonly Lazy<IProducer<string, byte[]>> _producer;
    private int _produced;

    private StageBench(KafkaSettings settings, int partitions, KafkaFixture? kafka)
    {
        (Settings, Partitions, _kafka) = (settings, partitions, kafka);
        _producer = new(() => new ProducerBuilder<string, byte[]>(settings.Producer()).Build());
    }

    public void Dispose()
    {
        if (_producer.IsValueCreated)
            _producer.Value.Dispose();
    }

    public KafkaSettings Settings { get; }

    public int Partitions { get; }

    public static async Task<StageBench> CreateAsync(KafkaFixture kafka, int partitions)
    {
        var bench = new StageBench(new() { Brokers = kafka.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() }, partitions, kafka);
        await kafka.CreateTopicAsync(bench.Settings.Topic("input"), partitions);
        await kafka.CreateTopicAsync(bench.Settings.Topic(CountingProcessor.Output), partitions);
        await bench.CreateChangelogAsync();
        return bench;
    }

    /// <summary>The same topics, in another process.</summary>
    public static StageBench Attach(KafkaSettings settings) => new(settings, 0, null);

    public Task CreateChangelogAsync() => _kafka!.CreateTopicAsync(Settings.Topic("metering-count-changelog"), Partitions, ("cleanup.policy", "compact"));

    /// <summary>With snapshots in a folder; what is logged goes to <paramref name="log"/>.</summary>
    public RunningStage StartWithSnapshots(string folder, ILogger<TransactionalStage> log, TimeSpan? interval = null, Action<CommitPoint, int>? fault = null) =>
        new(new TransactionalStage(Settings, Options() with { SnapshotFolder = folder, SnapshotInterval = interval ?? TimeSpan.FromMinutes(5) }, log, TimeProvider.System) { Fault = fault });

    public RunningStage Start(Action<CommitPoint, int>? fault = null, Func<string, bool>? waits = null, Func<CancellationToken, Task>? wait = null, KafkaSettings? settings = null, bool oneByOne = false) =>
        new(new TransactionalStage(settings ?? Settings, Options(waits, wait) with { OneByOne = oneByOne }, NullLogger<TransactionalStage>.Instance, TimeProvider.System) { Fault = fault });

    /// <summary>The same for every host.</summary>
    public static TaskOptions Options(Func<string, bool>? waits = null, Func<CancellationToken, Task>? wait = null) => new()
    {
        Stage = "count",
        InputTopic = "input",
        CreateProcessor = _ => new CountingProcessor(waits),
        WaitAsync = wait ?? (token => Task.Delay(Timeout.Infinite, token)),
    };

    /// <summary>Sends numbered records, spread over the partitions by their key.</summary>
    public async Task ProduceAsync(int count, int valueBytes = 0)
    {
        var producer = _producer.Value;
        for (var i = 0; i < count; i++, _produced++)
        {
            var value = Encoding.UTF8.GetBytes(_produced.ToString(CultureInfo.InvariantCulture).PadRight(valueBytes, ' '));
            var message = new Message<string, byte[]> { Key = "k" + (_produced % 97).ToString(CultureInfo.InvariantCulture), Value = value };
            while (true)
            {
                try
                {
                    producer.Produce(Settings.Topic("input"), message);
                    break;
                }
                catch (ProduceException<string, byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    producer.Poll(TimeSpan.FromMilliseconds(50));
                }
            }
        }
        await Task.Run(() => producer.Flush(Patience));
    }

    /// <summary>Waits until every record sent so far came out, and holds each to have come out once, with the number it must have.</summary>
    public async Task ExpectEachOnceAsync()
    {
        var seen = await Task.Run(() => Read(_produced));
        var records = seen.ConvertAll(s => s.Value.Split('#')[0].Trim());
        Assert.Equal(_produced, records.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(_produced, records.Count);
        foreach (var partition in seen.GroupBy(s => s.Partition))
            Assert.Equal(Enumerable.Range(1, partition.Count()), partition.Select(s => int.Parse(s.Value.Split('#')[1], CultureInfo.InvariantCulture)));
    }

    /// <summary>The committed output: waits for <paramref name="atLeast"/> records, and a moment longer for any that are too many.</summary>
    public List<(int Partition, string Value)> Read(int atLeast, TimeSpan? patience = null)
    {
        var config = Settings.Reader();
        config.EnablePartitionEof = true;
        using var consumer = new ConsumerBuilder<byte[], byte[]>(config).Build();
        consumer.Assign(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(Settings.Topic(CountingProcessor.Output), p, Offset.Beginning)));
        var seen = new List<(int, string)>();
        var start = TimeProvider.System.GetTimestamp();
        var lastRecord = start;
        while (true)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(50)) is { IsPartitionEOF: false } record)
            {
                seen.Add((record.Partition.Value, Encoding.UTF8.GetString(record.Message.Value)));
                lastRecord = TimeProvider.System.GetTimestamp();
            }
            else if (seen.Count >= atLeast && TimeProvider.System.GetElapsedTime(lastRecord) > TimeSpan.FromMilliseconds(500))
                return seen;
            else if (TimeProvider.System.GetElapsedTime(start) > (patience ?? Patience))
                return seen;
        }
    }

    public static async Task UntilAsync(Func<bool> condition, string what, TimeSpan? patience = null)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > (patience ?? Patience))
                Assert.Fail($"waited {(patience ?? Patience).TotalSeconds} s for: {what}");
            await Task.Delay(20);
        }
    }
}

/// <summary>A stage with its owner.</summary>
internal sealed class RunningStage : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    public RunningStage(IStageHost stage)
    {
        Stage = stage;
        _run = stage.RunAsync(_stop.Token);
    }

    public IStageHost Stage { get; }

    public Task Run => _run;

    public Task UntilReadyAsync() => StageBench.UntilAsync(() => Stage.Status is { IsReady: true, Tasks.Count: > 0 } || _run.IsFaulted, "the stage to be ready");

    public async Task<string> UntilStoppedAsync()
    {
        await StageBench.UntilAsync(() => Stage.Status.Tasks.Any(t => t.State == TaskState.Stopped), "a task to stop");
        return Stage.Status.Tasks.First(t => t.State == TaskState.Stopped).Reason!;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.WaitAsync(TimeSpan.FromSeconds(40));
        _stop.Dispose();
    }
}
