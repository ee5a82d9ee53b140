using System.Diagnostics;
using Metering.Integration.Running;

namespace Metering.Integration;

/// <summary><c>up</c> on a machine that has no Kafka: the broker in its process dies and comes back with it.</summary>
public sealed class LocalBrokerTests(ITestOutputHelper output)
{
    // 10 s is what is promised, on a machine that does nothing else: the time is printed. Here tests run side by side.
    private static readonly TimeSpan FlowsAgainWithin = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Replay_into_a_bare_up_is_in_the_ledger_and_again_adds_nothing_also_after_a_restart()
    {
        await using var stand = Stand.OnLocalBroker();
        var (file, totals) = Traces.Own(stand.Folder, "bare", events: 5_000, seconds: 5, seed: 5);
        var (up, addresses) = await stand.ReadyUpAsync();
        Assert.Equal(stand.Brokers, addresses.Kafka);
        await stand.ReplayedAsync(file, "--source", "bare", "--speed", "max");
        await stand.AddsUpAsync();
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("bare"));

        (await up.StopAsync()).Succeeded();
        await stand.ReadyUpAsync();
        await stand.ReplayedAsync(file, "--source", "bare", "--speed", "max");

        await stand.AddsUpAsync();
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("bare"));
    }

    [Fact]
    public async Task Kill_9_of_a_bare_up_twice_in_mid_replay_loses_and_doubles_nothing_R32_R4_R8_R11()
    {
        await using var stand = Stand.OnLocalBroker();
        var (file, totals) = Traces.Own(stand.Folder, "long", events: 12_000, seconds: 20, seed: 6);
        var (up, _) = await stand.ReadyUpAsync();
        var replay = stand.Replay(file, "--source", "long", "--speed", "1");
        await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("long") > 1_000, TimeSpan.FromSeconds(60), "1,000 events in the ledger");

        for (var kill = 0; kill < 2; kill++)
        {
            await up.KillAsync();
            var killed = Stopwatch.GetTimestamp();
            (up, _) = await stand.ReadyUpAsync();
            var atReady = await stand.Ledger.EventsAsync("long");
            output.WriteLine($"ready after {Stopwatch.GetElapsedTime(killed).TotalSeconds:N1} s with {atReady} events in the ledger");
            await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("long") > atReady, FlowsAgainWithin, "data flows again");
        }

        (await replay.EndAsync()).Succeeded();
        var verify = await stand.AddsUpAsync();
        Assert.Equal(totals.Events, verify.Last.GetProperty("published").GetInt64());
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("long"));
    }

    [Fact]
    public async Task Chaos_three_rounds_on_the_local_broker_lose_and_double_nothing_R32()
    {
        await using var stand = Stand.OnLocalBroker();
        var chaos = await stand.Start(["chaos", "--json", "--rounds", "3", "--seed", "3", "--blows", "up,start", "--rate", "60", "--partitions", "2", "--data", stand.Folder]).EndAsync(TimeSpan.FromMinutes(5));

        chaos.Succeeded();
        Assert.True(chaos.Last.GetProperty("ok").GetBoolean());
        Assert.InRange(chaos.Last.GetProperty("published").GetInt64(), 500, long.MaxValue);
        Assert.Equal(0, chaos.Last.GetProperty("lost").GetInt64());
        Assert.Equal(0, chaos.Last.GetProperty("doubled").GetInt64());
        Assert.Empty(Directory.EnumerateFileSystemEntries(stand.Folder));
    }
}
