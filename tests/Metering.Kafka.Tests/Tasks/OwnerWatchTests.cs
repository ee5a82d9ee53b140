using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>A group at rest in which nobody has some partition.</summary>
public sealed class OwnerWatchTests(KafkaFixture kafka)
{
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
                    return StaticMemberTests.AtEnd(partitions);
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
                .SetPartitionsAssignedHandler((_, partitions) => StaticMemberTests.AtEnd(partitions))
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
}
