using System.Globalization;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>A trace's way into the ledger, through the real program and a real Kafka.</summary>
public sealed class ReplayTests(KafkaFixture kafka)
{
    [Fact]
    public async Task Replay_twice_and_after_a_restart_leaves_the_traces_own_sums_R1_R3()
    {
        await using var stand = new Stand(kafka.Brokers);
        var (file, totals) = Traces.Azure() ?? Traces.Own(stand.Folder, "own", events: 20_000, seconds: 60, seed: 1);
        var (up, _) = await stand.ReadyUpAsync();

        var replay = await stand.ReplayedAsync(file, "--source", "trace", "--speed", "max");
        Assert.Equal(totals.Events, replay.Last.GetProperty("published").GetInt64());
        Assert.Equal(totals.InputTokens, replay.Last.GetProperty("input_tokens").GetInt64());
        Assert.Equal(0, replay.Last.GetProperty("spooled").GetInt64());
        await HoldsAsync(stand, totals, duplicates: 0);

        await stand.ReplayedAsync(file, "--source", "trace", "--speed", "max");
        await HoldsAsync(stand, totals, duplicates: totals.Events);

        (await up.StopAsync()).Succeeded();
        Assert.StartsWith("{\"stopped\":", up.Lines.Last(), StringComparison.Ordinal);
        await stand.ReadyUpAsync();
        await stand.ReplayedAsync(file, "--source", "trace", "--speed", "max");
        await HoldsAsync(stand, totals, duplicates: 2 * totals.Events);

        stand.Registry = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Stand.FreePort()}");
        var away = await stand.VerifyAsync();
        Assert.Equal(3, away.ExitCode);
        Assert.Contains("check --registry", away.Error, StringComparison.Ordinal);
    }

    private static async Task HoldsAsync(Stand stand, Totals totals, long duplicates)
    {
        // All is metered before the last duplicate has been looked at: verify waits for what is in flight, not for copies.
        await Stand.UntilAsync(async () => (await stand.AddsUpAsync()).Last.GetProperty("duplicate").GetInt64() == duplicates, TimeSpan.FromSeconds(20), $"{duplicates} duplicates dropped");
        var verify = await stand.AddsUpAsync();
        Assert.Equal(totals.Events, verify.Last.GetProperty("metered").GetInt64());
        Assert.Equal(totals.Events, verify.Last.GetProperty("published").GetInt64());
        var expected = string.Create(CultureInfo.InvariantCulture, $"{totals.Events}\t{totals.Events}\t{totals.InputTokens}\t{totals.OutputTokens}");
        Assert.Equal(expected, await stand.QueryAsync("SELECT count(), uniqExact(sequence), sum(input_tokens), sum(output_tokens) FROM token_events WHERE source = 'trace'"));
        Assert.Equal(expected, await stand.QueryAsync("SELECT sum(requests), sum(requests), sum(input_tokens), sum(output_tokens) FROM usage_1h"));
    }
}
