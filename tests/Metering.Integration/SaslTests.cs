using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>A Kafka that asks who is there, by <c>--kafka-config</c>.</summary>
public sealed class SaslTests(SaslKafkaFixture kafka) : IClassFixture<SaslKafkaFixture>
{
    [Fact]
    public async Task Up_replay_and_verify_work_through_sasl_and_acls_and_print_no_password()
    {
        var brokers = kafka.SaslBrokers;
        await kafka.AllowAsync();
        await using var stand = new Stand(brokers, [.. SaslKafkaFixture.Extra.Select(pair => $"{pair.Key}={pair.Value}")]);
        var (file, totals) = Traces.Own(stand.Folder, "sasl", events: 2_000, seconds: 1, seed: 6);
        var (up, _) = await stand.ReadyUpAsync();

        var replay = await stand.ReplayedAsync(file, "--speed", "max");
        var verify = await stand.AddsUpAsync();

        Assert.Equal(totals.Events, verify.Last.GetProperty("metered").GetInt64());
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("sasl"));
        Assert.DoesNotContain(SaslKafkaFixture.Password, up.Error + replay.Error + verify.Error, StringComparison.Ordinal);
    }
}
