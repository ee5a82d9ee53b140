using Confluent.Kafka;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>Rebalances that leave a partition where it is: its commits may be refused meanwhile, its work must go on.</summary>
public sealed class RebalanceTests(KafkaFixture kafka, ITestOutputHelper output)
{
    private const int Visits = 6;

    [Fact]
    public async Task Members_that_come_and_go_leave_no_partition_behind_R14_R20()
    {
        await using var stand = new Stand(kafka.Brokers) { Partitions = "1" }; // the visitors get none
        var (file, totals) = Traces.Own(stand.Folder, "steady", events: 20_000, seconds: 20, seed: 30);
        var (up, _) = await stand.ReadyUpAsync();
        var replay = stand.Replay(file, "--speed", "1");

        await Task.WhenAll(VisitAsync(stand.Prefix + "metering-sink", stand.Prefix + "metered-blocks"), VisitAsync(stand.Prefix + "metering-meter", stand.Prefix + "token-events"));

        (await replay.EndAsync()).Succeeded();
        await stand.AddsUpAsync();
        output.WriteLine($"SINK's commits were refused {up.Error.Split("the group refused its commit").Length - 1} times, METER's {up.Error.Split("lost its transaction").Length - 1} times");
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("steady"));
    }

    [Fact]
    public async Task Of_two_processes_with_one_group_instance_the_older_stops_and_says_why_R8_R20()
    {
        await using var stand = new Stand(kafka.Brokers);
        var (file, totals) = Traces.Own(stand.Folder, "twins", events: 8_000, seconds: 8, seed: 31);
        await stand.ReadyUpAsync();
        var older = stand.Pipeline("older", "--group-instance", "twin");
        await older.ReadyAsync();
        var replay = stand.Replay(file, "--speed", "1");
        var newer = stand.Pipeline("newer", "--group-instance", "twin");

        var ended = await older.EndAsync();
        Assert.True(ended.ExitCode == 1, $"exit code {ended.ExitCode}: {older.Error}");
        Assert.Contains("give each process a --group-instance of its own", older.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", older.Error, StringComparison.Ordinal);
        await newer.ReadyAsync();
        (await replay.EndAsync()).Succeeded();
        await stand.AddsUpAsync();
        Assert.Equal(totals, await stand.Ledger.TotalsAsync("twins"));
    }

    /// <summary>Joins a group, waits for its assignment (of nothing), leaves: two rebalances a visit.</summary>
    private async Task VisitAsync(string group, string topic)
    {
        for (var visit = 0; visit < Visits; visit++)
        {
            using var visitor = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
            {
                BootstrapServers = kafka.Brokers,
                GroupId = group,
                EnableAutoCommit = false,
                PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky,
                SessionTimeoutMs = 6_000,
            }).SetLogHandler((_, _) => { }).Build();
            visitor.Subscribe(topic);
            var leaveAt = TimeProvider.System.GetTimestamp();
            while (visitor.MemberId.Length == 0 && TimeProvider.System.GetElapsedTime(leaveAt) < TimeSpan.FromSeconds(20))
                await Task.Run(() => visitor.Consume(TimeSpan.FromMilliseconds(100)));
            await Task.Run(() => visitor.Consume(TimeSpan.FromMilliseconds(1_500)));
            visitor.Close();
        }
    }
}
