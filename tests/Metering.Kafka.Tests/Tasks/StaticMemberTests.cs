using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>A static member that the group has fenced: by a process of the same name, or by what is left of itself.</summary>
public sealed class StaticMemberTests(KafkaFixture kafka)
{
    private static List<TopicPartitionOffset> AtEnd(List<TopicPartition> partitions) => partitions.ConvertAll(p => new TopicPartitionOffset(p, Offset.End));

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

    [Fact]
    public async Task R14_Partition_that_a_static_member_had_let_go_before_it_died_finds_an_owner_when_it_comes_back()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 4);
        var settings = bench.Settings with { GroupInstance = "back" };
        await using var former = new Former(settings);
        await using var other = new OtherMember(bench.Settings);
        // It has let go for the newcomer, and never asks for the second half.
        await StageBench.UntilAsync(() => former.HasLetGo.IsSet, "the first half of the rebalance");
        await using var stage = bench.Start(settings: settings);
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Count == 2 && other.Has == 2, "all four partitions to have an owner");
    }

    [Fact]
    public void Ownerless_names_what_nobody_has_and_who_might()
    {
        TopicPartition Of(string topic, int partition) => new(topic, partition);
        Assert.Null(OwnerWatch.Ownerless("t", [0, 1], [("b", [Of("t", 1)]), ("a", [Of("t", 0)])]));
        Assert.Equal("0, 2 (members: a, b)", OwnerWatch.Ownerless("t", [0, 1, 2], [("b", [Of("t", 1)]), ("a", [Of("u", 0)])]));
    }

    [Fact]
    public void Share_reads_what_the_consumer_protocol_writes_and_nothing_of_what_it_cannot_read()
    {
        byte[] share = [0, 1, 0, 0, 0, 2, 0, 1, (byte)'t', 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 3, 0, 1, (byte)'u', 0, 0, 0, 0, 255, 255, 255, 255];
        Assert.Equal([new("t", 7), new("t", 3)], GroupLook.Share(share));
        Assert.Empty(GroupLook.Share([]));
        for (var length = 0; length < share.Length - 4; length++)
            Assert.Empty(GroupLook.Share(share.AsSpan(0, length)));
        share[5] = 127; // topics that are not there
        Assert.Empty(GroupLook.Share(share));
    }

    [Theory]
    [InlineData("up-1-eb75a9ca-50b8-4e80-9a79-2872b94deef1", true)]
    [InlineData("up-11-eb75a9ca-50b8-4e80-9a79-2872b94deef1", false)]
    [InlineData("metering-eb75a9ca-50b8-4e80-9a79-2872b94deef1", false)]
    [InlineData("up-1", false)]
    public void IsNamed_tells_a_name_from_its_neighbours(string memberId, bool expected) => Assert.Equal(expected, GroupLook.IsNamed(memberId, "up-1"));

    /// <summary>A static member that has all, lets go of what it is asked for, and dies before it says so.</summary>
    private sealed class Former : IAsyncDisposable
    {
        private readonly ManualResetEventSlim _end = new();
        private readonly Task _running;

        public Former(KafkaSettings settings)
        {
            var joined = new ManualResetEventSlim();
            _running = Task.Factory.StartNew(() => Run(settings, joined), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Assert.True(joined.Wait(TimeSpan.FromSeconds(30)));
        }

        public ManualResetEventSlim HasLetGo { get; } = new();

        private void Run(KafkaSettings settings, ManualResetEventSlim joined)
        {
            using var consumer = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("metering-count"))
                .SetPartitionsAssignedHandler((_, partitions) =>
                {
                    joined.Set();
                    return AtEnd(partitions);
                })
                .SetPartitionsRevokedHandler((_, _) =>
                {
                    HasLetGo.Set();
                    _end.Wait(); // the client asks for the second half once this returns
                })
                .SetLogHandler((_, _) => { })
                .SetErrorHandler((_, _) => { })
                .Build();
            consumer.Subscribe(settings.Topic("input"));
            try
            {
                while (!HasLetGo.IsSet)
                    consumer.Consume(TimeSpan.FromMilliseconds(50));
            }
            catch (ConsumeException e) when (_end.IsSet && e.Error.IsFatal)
            {
                // Another bears its name now.
            }
        }

        public async ValueTask DisposeAsync()
        {
            _end.Set();
            await _running;
        }
    }

    private sealed class OtherMember : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;
        private volatile int _has;

        public OtherMember(KafkaSettings settings) => _running = Task.Factory.StartNew(() => Run(settings), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public int Has => _has;

        private void Run(KafkaSettings settings)
        {
            using var consumer = new ConsumerBuilder<byte[], byte[]>(settings.GroupConsumer("metering-count"))
                .SetPartitionsAssignedHandler((_, partitions) => AtEnd(partitions))
                .SetLogHandler((_, _) => { })
                .Build();
            consumer.Subscribe(settings.Topic("input"));
            while (!_stop.IsCancellationRequested)
            {
                consumer.Consume(TimeSpan.FromMilliseconds(50));
                _has = consumer.Assignment.Count;
            }
            consumer.Close();
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }
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
