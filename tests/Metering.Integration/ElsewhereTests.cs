using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>The registry and ClickHouse of somebody else, by <c>--registry</c> and <c>--clickhouse</c>.</summary>
public sealed class ElsewhereTests(KafkaFixture kafka)
{
    [Fact]
    public async Task A_real_registry_and_a_ledger_elsewhere_hold_the_same_sums_R18()
    {
        await using var registry = await RegistryFixture.TryStartAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(registry is null, RegistryFixture.SkipReason);
        await using var server = new Stand(kafka.Brokers); // its up stands in for a ClickHouse server, and meters its own
        await using var stand = new Stand(kafka.Brokers) { Registry = registry!.Url.ToString(), ClickHouse = server.ClickHouse };
        Assert.NotEqual("/", registry.Url.AbsolutePath);
        await server.ReadyUpAsync();
        var (_, addresses) = await stand.ReadyUpAsync("--registry", stand.Registry, "--clickhouse", stand.ClickHouse);
        Assert.Equal(registry.Url.ToString().TrimEnd('/'), addresses.Registry!.TrimEnd('/'));
        Assert.False(Directory.Exists(Path.Combine(stand.Folder, "up", "clickhouse")), "no engine of its own");
        var (file, totals) = Traces.Own(stand.Folder, "there", events: 5_000, seconds: 1, seed: 4);
        var (ownFile, ownTotals) = Traces.Own(stand.Folder, "here", events: 5_000, seconds: 1, seed: 5);

        await Task.WhenAll(stand.ReplayedAsync(file, "--speed", "max"), server.ReplayedAsync(ownFile, "--speed", "max"));

        var verify = await stand.AddsUpAsync();
        Assert.Equal(totals.Events, verify.Last.GetProperty("metered").GetInt64());
        verify = await server.AddsUpAsync();
        Assert.Equal(ownTotals.Events, verify.Last.GetProperty("metered").GetInt64());
        Assert.Equal(totals, await server.Ledger.TotalsAsync("there"));
        Assert.Equal(ownTotals, await server.Ledger.TotalsAsync("here"));
        Assert.Equal(2, await server.Ledger.NumberAsync("SELECT uniqExact(intDiv(ledger_partition, 65536)) FROM metering.token_events"));
    }
}
