using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Kafka.Native;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Cli.Chaos;

/// <summary>What a killed process left open, as Kafka shows it before somebody takes over: the proof that a blow fell where it was aimed.</summary>
internal sealed class ChaosAftermath(KafkaSettings kafka, int partitions, TimeProvider time)
{
    /// <summary>Longer than a living task's transaction or plan stays the same one; much shorter than a session.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(1_000);
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(5);

    private string Changelog => kafka.Topic(TopicCatalogue.MeterChangelog);

    /// <summary>METER's transactions: the last stable offset of a changelog partition stands still below its end.</summary>
    public async Task<int> OpenTransactionsAsync()
    {
        using var admin = new AdminClientBuilder(kafka.Admin()).SetLogHandler(static (_, _) => { }).Build();
        var before = await StableAsync(admin);
        await Task.Delay(Between, time, CancellationToken.None);
        var (stable, ends) = (await StableAsync(admin), await OffsetsAsync(admin, IsolationLevel.ReadUncommitted));
        return Enumerable.Range(0, partitions).Count(p => stable[p] == before[p] && stable[p] < ends[p]);
    }

    /// <summary>SINK's plans: one stands in the group's offset metadata and stays.</summary>
    public async Task<int> OpenPlansAsync()
    {
        var config = kafka.Reader();
        config.GroupId = kafka.TopicPrefix + SinkStage.Group;
        using var reader = new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler(static (_, _) => { }).Build();
        var before = await Task.Run(() => Plans(reader));
        await Task.Delay(Between, time, CancellationToken.None);
        var now = await Task.Run(() => Plans(reader));
        return Enumerable.Range(0, partitions).Count(p => now[p].Length > 0 && now[p] == before[p]);
    }

    // Empty once it is acknowledged.
    private string[] Plans(IConsumer<byte[], byte[]> reader) =>
        [.. Enumerable.Range(0, partitions).Select(p => OffsetMetadata.Committed(reader, kafka.Topic(MeteredBlock.Topic), p, AnswersWithin).Metadata)];

    private Task<Dictionary<int, long>> StableAsync(IAdminClient admin) => OffsetsAsync(admin, IsolationLevel.ReadCommitted);

    private async Task<Dictionary<int, long>> OffsetsAsync(IAdminClient admin, IsolationLevel level)
    {
        var wanted = Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffsetSpec { TopicPartition = new(Changelog, p), OffsetSpec = OffsetSpec.Latest() });
        var found = await admin.ListOffsetsAsync(wanted, new() { IsolationLevel = level, RequestTimeout = AnswersWithin });
        return found.ResultInfos.ToDictionary(info => info.TopicPartitionOffsetError.Partition.Value, info => info.TopicPartitionOffsetError.Offset.Value);
    }
}
