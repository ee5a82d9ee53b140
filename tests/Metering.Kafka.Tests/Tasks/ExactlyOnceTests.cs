using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

public sealed class ExactlyOnceTests(KafkaFixture kafka)
{
    [Fact]
    public async Task R8_Run_over_clean_restarts_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 3);
        for (var round = 0; round < 3; round++)
        {
            await bench.ProduceAsync(3_000);
            await using var stage = bench.Start();
            await stage.UntilReadyAsync();
            await bench.ProduceAsync(500);
            if (round < 2)
                await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Sum(t => t.Records) > 0, "a first commit");
            else
                await bench.ExpectEachOnceAsync();
        }
    }

    [Theory]
    [InlineData(nameof(CommitPoint.BeforeSend))]
    [InlineData(nameof(CommitPoint.AfterSend))]
    [InlineData(nameof(CommitPoint.AfterOffsets))]
    [InlineData(nameof(CommitPoint.AfterCommit))]
    public async Task R11_Commit_that_fails_or_whose_outcome_is_unknown_rebuilds_the_task_and_puts_each_record_out_once(string point)
    {
        var at = Enum.Parse<CommitPoint>(point);
        var (commits, failures) = (0, 0);
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await bench.ProduceAsync(2_000);
        await using var stage = bench.Start(fault: (where, _) =>
        {
            if (where != at || Interlocked.Increment(ref commits) is not (2 or 4 or 6))
                return;
            Interlocked.Increment(ref failures);
            throw new KafkaException(new Error(ErrorCode.Local_TimedOut, "made by the test"));
        });
        for (var round = 0; round < 200 && Volatile.Read(ref failures) < 3; round++)
        {
            await bench.ProduceAsync(50);
            await Task.Delay(100);
        }
        Assert.Equal(3, failures);
        await bench.ExpectEachOnceAsync();
        Assert.True(stage.Stage.Status.Tasks.Sum(t => t.Rebuilds) >= 3);
    }

    [Fact]
    public async Task R8_Two_stages_in_one_group_share_the_partitions_and_put_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 4);
        await bench.ProduceAsync(4_000);
        await using var first = bench.Start();
        await first.UntilReadyAsync();
        await using (var second = bench.Start())
        {
            for (var i = 0; i < 20 && second.Stage.Status.Tasks.Count < 2; i++)
            {
                await bench.ProduceAsync(200);
                await Task.Delay(250);
            }
            await second.UntilReadyAsync();
            Assert.Equal(2, second.Stage.Status.Tasks.Count);
            await StageBench.UntilAsync(() => first.Stage.Status.Tasks.Count == 2, "the first stage to keep two");
            await bench.ProduceAsync(1_000);
        }
        await bench.ProduceAsync(1_000);
        await bench.ExpectEachOnceAsync();
        await StageBench.UntilAsync(() => first.Stage.Status.Tasks.Count == 4, "the first stage to have all again");
    }

    [Fact]
    public async Task R8_Zombie_that_wakes_in_mid_transaction_is_fenced_and_adds_nothing()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        using var asleep = new ManualResetEventSlim();
        using var wake = new ManualResetEventSlim();
        var commits = 0;
        await bench.ProduceAsync(1_000);
        await using var zombie = bench.Start(fault: (where, partition) =>
        {
            if (where != CommitPoint.AfterSend || partition != 0 || Interlocked.Increment(ref commits) != 2)
                return;
            asleep.Set();
            wake.Wait(TimeSpan.FromSeconds(60));
        });
        await StageBench.UntilAsync(() => commits > 0, "a first commit");
        await bench.ProduceAsync(1_000);
        await StageBench.UntilAsync(() => asleep.IsSet, "the zombie to fall asleep");
        // The second takes partition 0 or 1; in the end it has both, when the zombie's process loses the group.
        await using var successor = bench.Start();
        await StageBench.UntilAsync(() => successor.Stage.Status.Tasks.Count > 0, "the successor to get its share", TimeSpan.FromSeconds(30));
        await bench.ProduceAsync(1_000);
        await successor.UntilReadyAsync();
        wake.Set();
        await bench.ProduceAsync(1_000);
        await bench.ExpectEachOnceAsync();
    }

}
