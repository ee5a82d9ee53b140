using System.Globalization;
using System.Net;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>What a supervisor and Prometheus see.</summary>
public sealed class HealthTests(KafkaFixture kafka)
{
    private const long IdleRssMb = 600;

    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(10) };

    [Fact]
    public async Task Ready_says_503_while_the_ledger_is_killed_and_nothing_is_lost_when_it_is_back_R17_R19()
    {
        await using var server = new Stand(kafka.Brokers) { Partitions = "1" };
        await using var stand = new Stand(kafka.Brokers) { ClickHouse = server.ClickHouse };
        var (engine, _) = await server.ReadyUpAsync();
        var (up, addresses) = await stand.ReadyUpAsync("--clickhouse", stand.ClickHouse);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(addresses, "/health/live")).Code);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(addresses, "/health/ready")).Code);
        var (file, totals) = Traces.Own(stand.Folder, "steady", events: 4_000, seconds: 15, seed: 7);
        var replay = stand.Replay(file, "--speed", "1");
        await Stand.UntilAsync(async () => await stand.Ledger.EventsAsync("steady") > 100, TimeSpan.FromSeconds(60), "events in the ledger");

        await engine.KillAsync();
        await Stand.UntilAsync(async () => (await AskAsync(addresses, "/health/ready")).Code == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(25), "503 without a ledger");
        Assert.Contains("SINK", (await AskAsync(addresses, "/health/ready")).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(addresses, "/health/live")).Code);
        await server.ReadyUpAsync();
        await Stand.UntilAsync(async () => (await AskAsync(addresses, "/health/ready")).Code == HttpStatusCode.OK, TimeSpan.FromSeconds(25), "200 with the ledger back");

        (await replay.EndAsync()).Succeeded();
        await stand.AddsUpAsync();
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("steady"));
        var metrics = (await AskAsync(addresses, "/metrics")).Text;
        Assert.Contains($"\nmetering_meter_events_metered_total {totals.Events}", metrics, StringComparison.Ordinal);
        Assert.Contains($"\nmetering_meter_tokens_input_total {totals.InputTokens}", metrics, StringComparison.Ordinal);
        Assert.False(up.HasExited);
    }

    [Fact]
    public async Task Up_idles_within_600_MB_with_the_engine_in_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: reads /proc");
        await using var stand = new Stand(kafka.Brokers);
        var (up, _) = await stand.ReadyUpAsync();
        await Stand.UntilAsync(() => Task.FromResult(up.Lines.Count > 5), TimeSpan.FromSeconds(30), "five seconds of live figures");

        var line = (await File.ReadAllLinesAsync($"/proc/{up.Id}/status")).Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        var rssMb = long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        TestContext.Current.SendDiagnosticMessage($"up idles with {rssMb} MB");
        Assert.InRange(rssMb, 1, IdleRssMb);
    }

    private static async Task<(HttpStatusCode Code, string Text)> AskAsync(Addresses addresses, string path)
    {
        using var answer = await Client.GetAsync(addresses.Server + path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
