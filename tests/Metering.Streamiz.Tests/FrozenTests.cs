using Metering.Kafka.Tasks;
using Metering.Kafka.Tests.Tasks;
using Metering.Testing;

namespace Metering.Streamiz.Tests;

/// <summary>The zombie: a process that sleeps longer than the group waits for it, and then goes on where it was.</summary>
public sealed class FrozenTests(KafkaFixture kafka)
{
    [Theory]
    [InlineData(nameof(CommitPoint.BeforeSend))]
    [InlineData(nameof(CommitPoint.AfterSend))]
    [InlineData(nameof(CommitPoint.AfterOffsets))]
    public async Task R8_Process_that_is_frozen_in_a_commit_and_wakes_after_the_group_went_on_adds_nothing(string point)
    {
        using var bench = await StageBench.CreateAsync(kafka, partitions: 2);
        await bench.ProduceAsync(1_000);
        using var child = StageChild.Start(bench, StageChild.Freeze + point);
        await StageBench.UntilAsync(() => child.HasExited || StageChild.IsFrozen(child), "the child to freeze");
        await using var successor = bench.StartStreamiz();
        await successor.UntilReadyAsync();
        await bench.ProduceAsync(1_000);
        await StageBench.UntilAsync(() => successor.Stage.Status.Tasks.Sum(t => t.Records) >= 1_000, "the successor to go on");
        StageChild.Signal("CONT", child.Id);
        await bench.ProduceAsync(1_000);
        await Task.Delay(TimeSpan.FromSeconds(5));      // The zombie has its chance: it hears from the group within a heartbeat.
        await bench.ProduceAsync(1_000);
        child.Kill();
        await StageChild.EndAsync(child);
        await bench.ExpectEachOnceAsync();
    }
}
