using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

public sealed class ExactlyOnceTests(KafkaFixture kafka)
{
    [Fact]
    public async Task R8_Run_over_clean_restarts_restores_its_state_and_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 3);
        for (var round = 0; round < 3; round++)
        {
            await bench.ProduceAsync(3_000);
            await using var stage = bench.StartStreamiz();
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
    public async Task R11_Commit_that_fails_or_whose_outcome_is_unknown_begins_a_new_run_and_puts_each_record_out_once(string point)
    {
        var at = Enum.Parse<CommitPoint>(point);
        var (commits, failures) = (0, 0);
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await bench.ProduceAsync(2_000);
        await using var stage = bench.StartStreamiz(fault: (where, _) =>
        {
            if (where != at || Interlocked.Increment(ref commits) is not (2 or 6))
                return;
            Interlocked.Increment(ref failures);
            throw new KafkaException(new Error(ErrorCode.Local_TimedOut, "made by the test"));
        });
        for (var round = 0; round < 300 && Volatile.Read(ref failures) < 2; round++)
        {
            await bench.ProduceAsync(50);
            await Task.Delay(100);
        }
        Assert.Equal(2, failures);
        await bench.ExpectEachOnceAsync();
        Assert.True(stage.Stage.Status.Tasks.Sum(t => t.Rebuilds) >= 2);
    }

    [Fact]
    public async Task R8_R10_Stages_that_come_and_go_in_one_group_share_the_partitions_and_put_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 4);
        await bench.ProduceAsync(4_000);
        await using var first = bench.StartStreamiz();
        await first.UntilReadyAsync();
        for (var round = 0; round < 3; round++)
        {
            await using var second = bench.StartStreamiz();
            for (var i = 0; i < 60 && second.Stage.Status.Tasks.Count < 2; i++)
            {
                await bench.ProduceAsync(200);
                await Task.Delay(100);
            }
            await second.UntilReadyAsync();
            Assert.Equal(2, second.Stage.Status.Tasks.Count);
            await bench.ProduceAsync(1_000);
        }
        await bench.ProduceAsync(1_000);
        await bench.ExpectEachOnceAsync();
        await StageBench.UntilAsync(() => first.Stage.Status.Tasks.Count == 4, "the first stage to have all again");
    }
}
