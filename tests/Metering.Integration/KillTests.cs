using System.Diagnostics;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>kill -9 of <c>up</c>, its registry and its ledger with it, while sources publish.</summary>
public sealed class KillTests(KafkaFixture kafka, ITestOutputHelper output)
{
    // 10 s is what is promised, on a machine that does nothing else: the time is printed. Here tests run side by side.
    private static readonly TimeSpan FlowsAgainWithin = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Kill_9_twice_in_mid_replay_loses_and_doubles_nothing_R1_R4_R8_R11_R17_R19()
    {
        await using var stand = new Stand(kafka.Brokers);
        var (file, totals) = Traces.Own(stand.Folder, "long", events: 20_000, seconds: 24, seed: 2);
        var (lateFile, lateTotals) = Traces.Own(stand.Folder, "late", events: 3_000, seconds: 1, seed: 3);
        var (up, _) = await stand.ReadyUpAsync();
        var replay = stand.Replay(file, "--source", "long", "--speed", "1");
        await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("long") > 2_000, TimeSpan.FromSeconds(60), "2,000 events in the ledger");

        await up.KillAsync();
        var late = stand.Replay(lateFile, "--source", "late", "--speed", "max"); // starts while the registry is away
        up = await FlowsAgainAsync(stand, totals.Events);
        await up.KillAsync();
        await FlowsAgainAsync(stand, totals.Events);

        (await replay.EndAsync()).Succeeded();
        (await late.EndAsync()).Succeeded();
        var verify = await stand.AddsUpAsync();
        Assert.Equal(totals.Events + lateTotals.Events, verify.Last.GetProperty("published").GetInt64());
        Assert.Equal(0, verify.Last.GetProperty("lost").GetInt64());
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("long"));
        Assert.Equal(lateTotals, await stand.Ledger.TotalsAsync("late"));
        Assert.Equal(totals.Events + lateTotals.Events, await stand.Ledger.NumberAsync("SELECT sum(requests) FROM metering.usage_1h"));
        Assert.Equal(totals.InputTokens + lateTotals.InputTokens, await stand.Ledger.NumberAsync("SELECT sum(input_tokens) FROM metering.usage_1m"));
    }

    /// <summary>Starts <c>up</c> again and waits until rows come that were not there when it said that it is ready; on a slow
    /// machine the replay may have ended by then.</summary>
    private async Task<MeteringProcess> FlowsAgainAsync(Stand stand, long all)
    {
        var started = Stopwatch.GetTimestamp();
        var (up, _) = await stand.ReadyUpAsync();
        var atReady = await stand.Ledger.EventsAsync("long");
        output.WriteLine($"ready after {Stopwatch.GetElapsedTime(started).TotalSeconds:N1} s with {atReady} events in the ledger");
        await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("long") is var events && (events > atReady || events == all), FlowsAgainWithin, "data flows again");
        return up;
    }
}
