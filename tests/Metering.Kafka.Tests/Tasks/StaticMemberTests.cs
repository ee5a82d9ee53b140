using Confluent.Kafka;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>A static member that the group has fenced: by a process of the same name, or by what is left of itself.</summary>
public sealed class StaticMemberTests(KafkaFixture kafka)
{
    internal static List<TopicPartitionOffset> AtEnd(List<TopicPartition> partitions) => partitions.ConvertAll(p => new TopicPartitionOffset(p, Offset.End));

    private static IConsumer<byte[], byte[]> Join(KafkaSettings settings)
    {
        var consumer = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("metering-count"))
            .SetPartitionsAssignedHandler((_, partitions) => AtEnd(partitions))
            .SetLogHandler((_, _) => { })
            .Build();
        consumer.Subscribe(settings.Topic("input"));
        var start = TimeProvider.System.GetTimestamp();
        while (consumer.Assignment.Count == 0 && TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(30))
            consumer.Consume(TimeSpan.FromMilliseconds(50));
        Assert.NotEmpty(consumer.Assignment);
        return consumer;
    }

    [Fact]
    public async Task R20_Member_that_was_fenced_by_one_that_is_gone_joins_again_and_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var settings = bench.Settings with { GroupInstance = "one" };
        await bench.ProduceAsync(100);
        await using var stage = bench.Start(settings: settings);
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Sum(t => t.Records) == 100, "the first records");
        // It takes the name over and is gone without a word, as an answer to a join that nobody got.
        (await Task.Run(() => Join(settings))).Dispose();
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Count == 0, "the member to be fenced");
        await bench.ProduceAsync(100);
        await stage.UntilReadyAsync();
        Assert.False(stage.Run.IsCompleted, stage.Run.Exception?.Message);
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task R8_R20_Member_whose_name_a_living_one_bears_stops_and_says_so()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        var settings = bench.Settings with { GroupInstance = "twin" };
        await using var older = new OlderTwin(bench.Start(settings: settings));
        await older.Stage.UntilReadyAsync();
        using var newer = await Task.Run(() => Join(settings));
        while (!older.Stage.Run.IsCompleted)
            await Task.Run(() => newer.Consume(TimeSpan.FromMilliseconds(100)));
        var why = await Assert.ThrowsAsync<FencedMemberException>(() => older.Stage.Run);
        Assert.Contains("give each process a --group-instance of its own", why.Message, StringComparison.Ordinal);
        Assert.NotEmpty(newer.Assignment);
    }

    /// <summary>Its end is an error, which the test has looked at.</summary>
    private sealed class OlderTwin(RunningStage stage) : IAsyncDisposable
    {
        public RunningStage Stage { get; } = stage;

        public async ValueTask DisposeAsync()
        {
            try
            {
                await Stage.DisposeAsync();
            }
            catch (FencedMemberException)
            {
                // Seen.
            }
        }
    }
}
