using System.Diagnostics;
using Confluent.Kafka;
using Metering.ClickHouse.Ledger;
using Metering.Kafka;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Sink;

/// <summary>The whole SINK, from a topic of a real Kafka to the ledger: consumer, plans and offsets at the broker, inserts.</summary>
internal static class TopicRun
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(2);

    /// <summary>There is a Kafka to run against, or one to start.</summary>
    public static bool IsPossible =>
        Environment.GetEnvironmentVariable("METERING_TEST_KAFKA") is { Length: > 0 } || SharedFolder.TryPath("kafka/kafka") is not null;

    /// <summary>From the first block's arrival to the last offset's commit; one partition.</summary>
    public static async Task<TimeSpan> MeasureAsync(IReadOnlyList<MeteredBlock> blocks, ILedger ledger)
    {
        var fixture = new KafkaFixture();
        await fixture.InitializeAsync();
        try
        {
            var kafka = new KafkaSettings { Brokers = fixture.Brokers, TopicPrefix = KafkaFixture.UniquePrefix() };
            var topic = kafka.Topic(MeteredBlock.Topic);
            await fixture.CreateTopicAsync(topic);
            await ProduceAsync(kafka, topic, blocks);
            return await DrainAsync(kafka, topic, blocks.Count, ledger);
        }
        finally
        {
            await fixture.DisposeAsync();
        }
    }

    private static async Task ProduceAsync(KafkaSettings kafka, string topic, IReadOnlyList<MeteredBlock> blocks)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(kafka.Producer()).SetLogHandler((_, _) => { }).Build();
        foreach (var block in blocks)
        {
            var headers = new Headers();
            foreach (var (name, value) in MeteredBlock.Headers(block.Table, block.Rows, block.Columns, block.Id, block.IsCounted))
                headers.Add(name, value.ToArray());
            await producer.ProduceAsync(topic, new Message<byte[], byte[]> { Value = block.Bytes.ToArray(), Headers = headers });
        }
    }

    private static async Task<TimeSpan> DrainAsync(KafkaSettings kafka, string topic, int blocks, ILedger ledger)
    {
        using var stop = new CancellationTokenSource();
        var stage = new SinkStage(kafka, new LedgerOrigin("bench", topic, 0), new SinkOptions(), ledger, TimeProvider.System, NullLogger<SinkStage>.Instance);
        var running = stage.RunAsync(stop.Token);
        await UntilAsync(stage, status => status.LastArrived >= 0);
        var start = Stopwatch.GetTimestamp();
        await UntilAsync(stage, status => status.InsertedBlocks == blocks);
        var elapsed = Stopwatch.GetElapsedTime(start);
        await stop.CancelAsync();
        await running;
        return elapsed;
    }

    private static async Task UntilAsync(SinkStage stage, Func<SinkStatus, bool> reached)
    {
        for (var since = Stopwatch.GetTimestamp(); !stage.Status.Any(reached); await Task.Delay(LookEvery))
        {
            if (stage.Status.FirstOrDefault(status => status.Problem is not null)?.Problem is { } problem)
                throw new InvalidOperationException("SINK: " + problem);
            if (Stopwatch.GetElapsedTime(since) > GiveUpAfter)
                throw new TimeoutException($"SINK has not got there in {GiveUpAfter.TotalMinutes} min");
        }
    }
}
