using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>The role <c>pipeline</c>, and what it refuses to do to a ledger.</summary>
public sealed class PipelineTests(KafkaFixture kafka)
{
    [Fact]
    public async Task Two_pipelines_share_the_work_and_one_takes_over_when_the_other_is_killed_R8_R17_R20()
    {
        await using var services = new Stand(kafka.Brokers) { Partitions = "4" };
        await using var stand = new Stand(kafka.Brokers) { Registry = services.Registry, ClickHouse = services.ClickHouse };
        await services.ReadyUpAsync();
        var (a, b) = (stand.Pipeline("a"), stand.Pipeline("b"));
        await Task.WhenAll(a.ReadyAsync(), b.ReadyAsync());
        var traces = Enumerable.Range(0, 4).Select(i => Traces.Own(stand.Folder, $"source-{i}", events: 4_000, seconds: 12, seed: 10 + i)).ToList();
        var replays = traces.ConvertAll(trace => stand.Replay(trace.File, "--speed", "1"));
        await Stand.UntilAsync(async () => await stand.Ledger.NumberAsync("SELECT count() FROM metering.token_events") > 2_000, TimeSpan.FromSeconds(30), "2,000 events in the ledger");

        await a.KillAsync();

        foreach (var replay in replays)
            (await replay.EndAsync()).Succeeded();
        await stand.AddsUpAsync();
        for (var i = 0; i < traces.Count; i++)
            Assert.Equal(traces[i].Totals, await stand.Ledger.TotalsAsync($"source-{i}"));
        (await b.StopAsync()).Succeeded();
    }

    [Fact]
    public async Task Meter_alone_needs_no_ledger_and_sink_alone_fills_it_later_R8_R17()
    {
        await using var services = new Stand(kafka.Brokers);
        await using var stand = new Stand(kafka.Brokers) { Registry = services.Registry }; // nobody listens where its ledger should be
        await services.ReadyUpAsync();
        var (file, totals) = Traces.Own(stand.Folder, "alone", events: 2_000, seconds: 1, seed: 22);
        var meter = stand.Pipeline("meter", "--stages", "meter");
        var address = (await meter.ReadyAsync()).Server;
        await stand.ReplayedAsync(file, "--speed", "max");
        using var client = new HttpClient();
        await Stand.UntilAsync(async () => (await client.GetStringAsync(address + "/metrics")).Contains($"\nmetering_meter_events_metered_total {totals.Events}\n", StringComparison.Ordinal), TimeSpan.FromSeconds(30), "all is metered");
        var health = await client.GetStringAsync(address + "/health/ready");
        Assert.Contains("METER", health, StringComparison.Ordinal);
        Assert.DoesNotContain("SINK", health, StringComparison.Ordinal);
        Assert.DoesNotContain("metering_sink_", await client.GetStringAsync(address + "/metrics"), StringComparison.Ordinal);

        stand.ClickHouse = services.ClickHouse;
        var sink = stand.Pipeline("sink", "--stages", "sink");

        Assert.DoesNotContain("metering_meter_", await client.GetStringAsync((await sink.ReadyAsync()).Server + "/metrics"), StringComparison.Ordinal);
        await stand.AddsUpAsync();
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("alone"));
        (await meter.StopAsync()).Succeeded();
        (await sink.StopAsync()).Succeeded();
    }

    [Fact]
    public async Task A_blocks_topic_made_anew_under_the_same_ledger_is_refused_without_adopt_R18()
    {
        await using var stand = new Stand(kafka.Brokers);
        var (first, firstTotals) = Traces.Own(stand.Folder, "first", events: 500, seconds: 1, seed: 20);
        var (up, _) = await stand.ReadyUpAsync();
        await stand.ReplayedAsync(first, "--speed", "max");
        await stand.AddsUpAsync();
        (await up.StopAsync()).Succeeded();
        await DeleteTopicAsync(stand.Prefix + "metered-blocks");

        var refused = await stand.Up().EndAsync();

        Assert.Equal(1, refused.ExitCode);
        Assert.Empty(refused.Lines);
        Assert.Contains("has been deleted and made anew", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--adopt", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", refused.Error, StringComparison.Ordinal);
        await stand.ReadyUpAsync("--adopt");
        var (second, secondTotals) = Traces.Own(stand.Folder, "second", events: 500, seconds: 1, seed: 21);
        await stand.ReplayedAsync(second, "--speed", "max");
        await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("second") == secondTotals.Events, TimeSpan.FromSeconds(20), "the adopted topic's events");
        Assert.Equal(firstTotals, await stand.Ledger.TotalsAsync("first"));
        Assert.Equal(secondTotals, await stand.Ledger.TotalsAsync("second"));
    }

    private async Task DeleteTopicAsync(string topic)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.Brokers }).SetLogHandler((_, _) => { }).Build();
        await admin.DeleteTopicsAsync([topic]);
        await Stand.UntilAsync(() => Task.FromResult(admin.GetMetadata(TimeSpan.FromSeconds(10)).Topics.TrueForAll(t => t.Topic != topic)), TimeSpan.FromSeconds(20), $"{topic} is gone");
    }
}
