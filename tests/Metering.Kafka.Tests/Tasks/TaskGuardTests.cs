using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Testing;

namespace Metering.Kafka.Tests.Tasks;

public sealed class TaskGuardTests(KafkaFixture kafka)
{
    private static async Task RunOnceAsync(StageBench bench, int records)
    {
        await bench.ProduceAsync(records);
        await using var stage = bench.Start();
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Sum(t => t.Records) == records, "the records to be counted");
    }

    [Fact]
    public async Task R8_Takeover_with_a_changelog_that_was_emptied_stops_the_task_and_says_so()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteTopicsAsync([bench.Settings.Topic("metering-count-changelog")]);
        await UntilDeletedAsync(bench);
        await bench.CreateChangelogAsync();
        await using var stage = bench.Start();
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("has committed offset 50", reason, StringComparison.Ordinal);
        Assert.Contains("says no offset", reason, StringComparison.Ordinal);
        Assert.False(stage.Stage.Status.IsReady);
    }

    [Fact]
    public async Task R8_Takeover_with_a_group_that_was_deleted_stops_the_task_and_does_not_begin_anew()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteGroupsAsync([bench.Settings.Topic("metering-count")]);
        await using var stage = bench.Start();
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("has committed no offset", reason, StringComparison.Ordinal);
        Assert.Contains("says offset 50", reason, StringComparison.Ordinal);
        Assert.Equal(50, bench.Read(50).Count);
    }

    [Fact]
    public async Task R8_R13_Takeover_with_a_group_that_was_set_back_asks_again_and_then_stops_the_task_and_goes_back_nowhere()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.AlterConsumerGroupOffsetsAsync([new(bench.Settings.Topic("metering-count"), [new(bench.Settings.Topic("input"), 0, 20)])]);
        await using var stage = bench.Start();
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.Reason?.Contains("so it is asked again", StringComparison.Ordinal) == true), "the group to be asked again");
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("has committed offset 20", reason, StringComparison.Ordinal);
        Assert.Contains("says offset 50", reason, StringComparison.Ordinal);
        Assert.Equal(50, bench.Read(50).Count);
    }

    [Fact]
    public async Task R13_Takeover_after_retention_took_unread_records_stops_the_task_with_partition_range_and_remedy()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await RunOnceAsync(bench, 50);
        await bench.ProduceAsync(50);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteRecordsAsync([new(bench.Settings.Topic("input"), 0, 80)]);
        await using var stage = bench.Start();
        var reason = await stage.UntilStoppedAsync();
        Assert.Contains("input [0]", reason, StringComparison.Ordinal);
        Assert.Contains("offset 50, the broker has 80 to 100", reason, StringComparison.Ordinal);
        Assert.Contains("delete group", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task R13_First_start_on_a_topic_whose_oldest_records_are_gone_begins_at_the_oldest_that_is_left()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await bench.ProduceAsync(100);
        using (var admin = new AdminClientBuilder(bench.Settings.Admin()).Build())
            await admin.DeleteRecordsAsync([new(bench.Settings.Topic("input"), 0, 30)]);
        await using var stage = bench.Start();
        Assert.Equal("30#1", (await Task.Run(() => bench.Read(70)))[0].Value);
    }

    [Fact]
    public async Task R16_Process_that_waits_holds_its_partition_only_and_goes_on_with_the_same_record()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        var isAway = true;
        using var there = new SemaphoreSlim(0);
        await using var stage = bench.Start(waits: text => Volatile.Read(ref isAway) && text.Trim() == "100", wait: there.WaitAsync);
        await bench.ProduceAsync(1_000);
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.State == TaskState.Waiting), "a task to wait");
        var waiting = stage.Stage.Status.Tasks.First(t => t.State == TaskState.Waiting).Partition;
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.Partition != waiting && t.Lag == 0 && t.Records > 0), "the other partition to go on to its end");
        // The high watermarks are asked for once a second: the first answer may be older than the records.
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.First(t => t.Partition == waiting).Lag > 0, "the lag to be known");
        Assert.Equal(TaskState.Waiting, stage.Stage.Status.Tasks.First(t => t.Partition == waiting).State);
        Assert.False(stage.Stage.Status.IsReady);
        Volatile.Write(ref isAway, false);
        there.Release();
        await bench.ExpectEachOnceAsync();
        Assert.Equal(0, stage.Stage.Status.Tasks.Sum(t => t.Rebuilds));
    }

    [Fact]
    public async Task R14_Backlog_in_front_of_a_task_that_waits_is_not_held_in_memory_and_comes_out_once()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await bench.ProduceAsync(30_000, valueBytes: 2_000);
        var isAway = true;
        using var there = new SemaphoreSlim(0);
        await using var stage = bench.Start(waits: _ => Volatile.Read(ref isAway), wait: there.WaitAsync);
        await StageBench.UntilAsync(() => stage.Stage.Status.Tasks.Any(t => t.State == TaskState.Waiting), "the task to wait");
        await Task.Delay(1_500);
        var held = GC.GetTotalMemory(forceFullCollection: true);
        Assert.True(held < 40L << 20, $"{held >> 20} MB are held of a backlog of 60 MB");
        Volatile.Write(ref isAway, false);
        there.Release();
        await bench.ExpectEachOnceAsync();
    }

    [Fact]
    public async Task Processor_that_throws_fails_the_stage_for_its_owner()
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 1);
        await bench.ProduceAsync(10);
        var stage = bench.Start(waits: _ => throw new InvalidDataException("impossible"));
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => stage.Run.WaitAsync(TimeSpan.FromSeconds(40)));
        Assert.Contains("impossible", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void R9_SaveState_under_the_reserved_key_is_refused()
    {
        var settings = new KafkaSettings { Brokers = "127.0.0.1:1" };
        using var producer = new ProducerBuilder<byte[], byte[]>(settings.Producer()).SetLogHandler((_, _) => { }).Build();
        using var output = new TransactionOutput(producer, settings, "changelog", 0);
        Assert.Throws<ArgumentException>(() => output.SaveState("position"u8, [1]));
        Assert.Throws<ArgumentException>(() => output.SaveState([], [1]));
    }

    private static async Task UntilDeletedAsync(StageBench bench)
    {
        using var admin = new AdminClientBuilder(bench.Settings.Admin()).Build();
        await StageBench.UntilAsync(() => admin.GetMetadata(bench.Settings.Topic("metering-count-changelog"), TimeSpan.FromSeconds(5)).Topics[0].Error.Code == ErrorCode.UnknownTopicOrPart, "the changelog to be gone");
    }
}
