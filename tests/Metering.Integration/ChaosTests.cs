using System.Globalization;
using System.Text.Json;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>The command <c>chaos</c> itself.</summary>
public sealed class ChaosTests(KafkaFixture kafka)
{
    [Fact]
    public async Task Chaos_two_rounds_lose_and_double_nothing_and_leave_nothing_behind_R1_to_R22()
    {
        await using var stand = new Stand(kafka.Brokers);
        var chaos = await stand.Start(["chaos", "--json", "--rounds", "2", "--seed", "3", "--blows", "up,transaction", "--rate", "60",
            "--brokers", kafka.Brokers, "--topic-prefix", stand.Prefix, "--partitions", "2", "--data", stand.Folder]).EndAsync(TimeSpan.FromMinutes(5));

        chaos.Succeeded();
        Assert.Equal(3, chaos.Lines.Count);
        var rounds = chaos.Lines.Take(2).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["transaction", "up"], rounds.Select(round => round.GetProperty("blow").GetString()).Order(StringComparer.Ordinal));
        Assert.All(rounds, round => Assert.True(round.TryGetProperty("flow_seconds", out _)));
        Assert.True(chaos.Last.GetProperty("ok").GetBoolean());
        Assert.Equal(1, chaos.Last.GetProperty("takeovers").GetProperty("count").GetInt32());
        Assert.InRange(chaos.Last.GetProperty("published").GetInt64(), 500, long.MaxValue);
        Assert.Equal(chaos.Last.GetProperty("published").GetInt64(), chaos.Last.GetProperty("ledger_rows").GetInt64());
        Assert.Equal(0, chaos.Last.GetProperty("lost").GetInt64());
        Assert.Equal(0, chaos.Last.GetProperty("doubled").GetInt64());
        Assert.Empty(Directory.EnumerateFileSystemEntries(stand.Folder));
    }

    [Fact]
    public async Task Chaos_without_a_kafka_that_answers_is_3()
    {
        var chaos = await MeteringProcess.RunAsync("chaos", "--rounds", "1", "--brokers", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Stand.FreePort()}"));

        Assert.Equal(3, chaos.ExitCode);
        Assert.Contains("check --brokers", chaos.Error, StringComparison.Ordinal);
    }
}
