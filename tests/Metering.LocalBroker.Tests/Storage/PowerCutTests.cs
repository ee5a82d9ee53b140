using Metering.LocalBroker.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>R32: what is found after a power cut, a kill or a full disk at any moment is a prefix of what was done, and holds all that was
/// acknowledged.</summary>
public sealed class PowerCutTests
{
    private const int Seeds = 5;

    [Theory]
    [InlineData(Durability.Disk)]
    [InlineData(Durability.Process)]
    public async Task A_power_cut_at_any_step_leaves_a_prefix_with_all_that_was_acknowledged(Durability durability)
    {
        SimulatedDisk disk = new();
        RecordedRun run = new(disk, durability);
        await run.OpenAsync();
        await run.PlayAsync(rounds: 14);
        run.Check(run.Store.State!);
        await run.Store.DisposeAsync();
        var steps = run.Steps;
        await Parallel.ForAsync(0, steps + 1, async (step, _) =>
        {
            for (var seed = 0; seed < Seeds; seed++)
                await run.CheckAfterAsync(step, seed < 2 ? seed : (seed * 100_003) + step);
        });
    }

    [Fact]
    public async Task A_second_power_cut_during_recovery_loses_nothing_either()
    {
        SimulatedDisk disk = new();
        RecordedRun run = new(disk, Durability.Disk);
        await run.OpenAsync();
        await run.PlayAsync(rounds: 9);
        var steps = run.Steps;
        await run.Store.DisposeAsync();
        for (var step = 20; step < steps; step += 37)
        {
            var first = disk.After(step, seed: step);
            var found = first.Steps;
            var entries = await OpenAndCountAsync(first);
            // Whenever the power goes again from the moment on that the first recovery began, as much is found.
            for (var again = found; again <= first.Steps; again += 2)
                Assert.Equal(entries, await OpenAndCountAsync(first.After(again, seed: again + 2)));
        }
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(40, true)]
    public async Task A_failing_write_anywhere_loses_nothing_that_was_acknowledged_and_the_broker_goes_on(int failures, bool torn)
    {
        var total = await CountChangesAsync();
        await Parallel.ForAsync(0, total / 2, async (i, _) => await FailAtAsync((i * 2) + (failures % 2), failures, torn));
    }

    private static async Task<int> CountChangesAsync()
    {
        SimulatedDisk disk = new();
        RecordedRun run = new(disk, Durability.Disk);
        await run.OpenAsync();
        await run.PlayAsync(rounds: 5);
        await run.Store.DisposeAsync();
        return disk.Changes;
    }

    private static async Task FailAtAsync(int at, int failures, bool torn)
    {
        SimulatedDisk disk = new() { TearsAtFault = torn };
        FakeTimeProvider time = new();
        RecordedRun run = new(disk, Durability.Disk) { Options = new() { Directory = "/broker", Time = time } };
        await run.OpenAsync();
        disk.Fault = (disk.Changes + at, failures);
        try
        {
            await run.PlayAsync(rounds: 5);
        }
        catch (JournalFailedException)
        {
            // what was not acknowledged may be there or not
        }
        disk.Fault = (disk.Fault.At, Math.Min(failures, disk.Changes - disk.Fault.At + 3));
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        while (!await IsWellAsync(run.Store.State))
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
            Assert.False(patience.IsCancellationRequested, $"no recovery from a fault at {at}");
        }
        disk.Fault = (int.MaxValue, 0);
        run.AssertAcknowledged(run.Store.State!);
        run.Check(run.Store.State!);
        if (run.Store.State!.Topics.Find("a") is not null)
        {
            await run.AppendAsync("a", 0, null, "afterwards", -1);
            run.Check(run.Store.State!);
        }
        await run.Store.DisposeAsync();
        await run.CheckAfterAsync(run.Steps, seed: 0);
    }

    private static async Task<bool> IsWellAsync(BrokerState? state)
    {
        try
        {
            if (state is null || state.Journal.HasFailed)
                return false;
            await state.Journal.WhenDurableAsync(state.Journal.Last);
            return true;
        }
        catch (JournalFailedException)
        {
            return false;
        }
    }

    private static async Task<long> OpenAndCountAsync(SimulatedDisk disk)
    {
        await using var store = await BrokerStore.OpenAsync(new() { Directory = "/broker" }, RecordedRun.Settings(disk));
        return store.State!.Journal.Last;
    }
}
