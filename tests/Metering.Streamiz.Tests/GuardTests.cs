using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

public sealed class GuardTests(KafkaFixture kafka)
{
    [Fact]
    public async Task R8_Fleet_that_changes_from_one_host_to_the_other_and_back_puts_each_record_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        for (var round = 0; round < 4; round++)
        {
            await using var stage = round % 2 == 0 ? bench.Start() : bench.StartStreamiz();
            await bench.ProduceAsync(1_000);
            await bench.ExpectEachOnceAsync();
        }
    }

    [Fact]
    public async Task Member_of_the_other_host_in_the_group_stops_the_stage_and_says_so()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await using var ours = bench.Start();
        await ours.UntilReadyAsync();
        await using var stage = bench.StartStreamiz();
        Assert.Contains("members of the other host", await stage.UntilStoppedAsync(), StringComparison.Ordinal);
        await bench.ProduceAsync(500);
        await bench.ExpectEachOnceAsync();
        Assert.True(ours.Stage.Status.IsReady);
    }

    [Fact]
    public async Task R8_Takeover_with_a_group_that_was_deleted_stops_the_stage_and_does_not_begin_anew()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteGroupsAsync([bench.Settings.Topic("metering-count")]);
        await using var stage = bench.StartStreamiz();
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("has committed no offset", reason, StringComparison.Ordinal);
        Assert.Contains("says offset 50", reason, StringComparison.Ordinal);
        Assert.Equal(50, bench.Read(50).Count);
    }

    [Fact]
    public async Task R13_Takeover_after_retention_took_unread_records_stops_the_stage_with_partition_range_and_remedy()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        await bench.ProduceAsync(50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteRecordsAsync([new(bench.Settings.Topic("input"), 0, 80)]);
        await using var stage = bench.StartStreamiz();
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("offset 50, the broker has 80 to 100", reason, StringComparison.Ordinal);
        Assert.Contains("delete group", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R16_Process_that_waits_holds_back_and_goes_on_with_the_same_record()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var isAway = true;
        using var there = new SemaphoreSlim(0);
        await using var stage = bench.StartStreamiz(waits: text => Volatile.Read(ref isAway) && text.Trim() == "100", wait: there.WaitAsync);
        await bench.ProduceAsync(1_000);
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.State == TaskState.Waiting), "a task to wait");
        Assert.False(stage.Stage.Status.IsReady);
        Volatile.Write(ref isAway, false);
        there.Release();
        await bench.ExpectEachOnceAsync();
        Assert.Equal(0, stage.Stage.Status.Tasks.Sum(t => t.Rebuilds));
    }

    [Fact]
    public async Task R16_Stop_while_a_record_waits_commits_what_came_before_it_and_no_more()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await bench.ProduceAsync(200);
        await using (var stage = bench.StartStreamiz(waits: text => text.Trim() == "100"))
            await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.State == TaskState.Waiting), "the task to wait");
        Assert.Equal(100, bench.Read(100).Count);
        await using var next = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task Processor_that_throws_fails_the_stage_for_its_owner_and_commits_nothing_of_it()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await bench.ProduceAsync(10);
        var stage = bench.StartStreamiz(waits: text => text.Trim() == "5" ? throw new InvalidDataException("impossible") : false);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => stage.Run.WaitAsync(TimeSpan.FromSeconds(40)));
        Assert.Contains("impossible", error.Message, StringComparison.Ordinal);
        await using var next = bench.StartStreamiz();
        await bench.ExpectEachOnceAsync();
    }

    private static async Task RunOnceAsync(StageBench bench, int records)
    {
        await bench.ProduceAsync(records);
        await using var stage = bench.StartStreamiz();
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Sum(t => t.Records) == records, "the records to be counted");
    }
}
