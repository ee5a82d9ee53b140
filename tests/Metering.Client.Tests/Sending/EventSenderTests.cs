namespace Metering.Client.Tests.Sending;

public sealed class EventSenderTests
{
    [Fact]
    public async Task Publish_sends_every_event_once_in_order_when_nothing_fails()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync();
        PublisherBench.Publish(publisher, 1000);
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(Enumerable.Range(1, 1000).Select(i => (publisher.Epoch, (long)i)), bench.Broker.Log);
        var stats = publisher.Stats;
        Assert.Equal((1000, 1000, 0, 12_000, 34_000), (stats.Accepted, stats.Acknowledged, stats.SpooledEvents, stats.InputTokens, stats.OutputTokens));
    }

    [Fact]
    public async Task Send_never_has_more_than_the_window_unacknowledged_whatever_the_order_of_acknowledgements_R3()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        await using var publisher = await bench.StartAsync();
        PublisherBench.Publish(publisher, 2000);
        var seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        while (publisher.Stats.SpooledEvents > 0)
        {
            bench.Broker.AcknowledgeAny(random.Next(1, 64), random);
            var log = bench.Broker.Log;
            // The broker itself throws when a slot comes twice; the contract is on sequences: s only when s - W is acknowledged.
            Assert.True(log.Length == 0 || log[^1].Sequence <= publisher.Stats.Acknowledged + 64 + 64);
            await Task.Yield();
        }
        Assert.Equal(Enumerable.Range(1, 2000).Select(i => (publisher.Epoch, (long)i)), bench.Broker.Log);
    }

    [Fact]
    public async Task Send_with_the_oldest_unacknowledged_stops_at_the_window_R3()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        await using var publisher = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero);
        PublisherBench.Publish(publisher, 500);
        await PublisherBench.UntilAsync(() => bench.Broker.Unacknowledged == 64, "the window is full");
        Assert.False(await publisher.FlushAsync(TimeSpan.FromMilliseconds(100)));
        Assert.Equal(64, bench.Broker.Log.Length);
    }

    [Fact]
    public async Task Failure_makes_a_new_transport_resend_from_the_first_unacknowledged_in_order_R3()
    {
        using var bench = new PublisherBench();
        var seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        bench.Broker.OnArrival = (_, _) => random.Next(300) == 0 ? "out of order sequence number" : null;
        await using var publisher = await bench.StartAsync();
        PublisherBench.Publish(publisher, 1500);
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(60)));
        Assert.True(bench.Broker.Connections > 1);
        AssertNoGaps(bench.Broker.Log, publisher.Epoch, 1500);
        // In order: a step either continues or goes back to what was not acknowledged.
        long highest = 0;
        foreach (var (_, sequence) in bench.Broker.Log)
        {
            Assert.True(sequence <= highest + 1, $"{sequence} came after {highest}");
            highest = Math.Max(highest, sequence);
        }
    }

    [Fact]
    public async Task Restart_resends_what_was_not_acknowledged_under_its_old_epoch_before_anything_new_R2()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        long old;
        await using (var first = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero))
        {
            old = first.Epoch;
            PublisherBench.Publish(first, 40);
            await PublisherBench.UntilAsync(() => bench.Broker.Unacknowledged == 40, "all have arrived");
        }
        bench.Broker.AcknowledgesAtOnce = true;
        await using var second = await bench.StartAsync();
        PublisherBench.Publish(second, 10);
        Assert.True(await second.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.NotEqual(old, second.Epoch);
        Assert.Equal(
            [.. Numbers(old, 40), .. Numbers(old, 40), .. Numbers(second.Epoch, 10)],
            bench.Broker.Log);
    }

    [Fact]
    public async Task Registry_away_spools_and_sends_once_it_is_back_R16()
    {
        using var bench = new PublisherBench();
        bench.Broker.RegistryIsAway = true;
        await using var publisher = await bench.StartAsync();
        PublisherBench.Publish(publisher, 100);
        Assert.False(await publisher.FlushAsync(TimeSpan.FromMilliseconds(300)));
        Assert.Contains("connection refused", publisher.Stats.Trouble, StringComparison.Ordinal);
        Assert.Equal(100, publisher.Stats.SpooledEvents);
        bench.Broker.RegistryIsAway = false;
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(Numbers(publisher.Epoch, 100), bench.Broker.Log);
    }

    [Fact]
    public async Task Registry_away_across_restarts_loses_no_event_of_any_epoch_R2()
    {
        using var bench = new PublisherBench();
        bench.Broker.RegistryIsAway = true;
        var expected = new List<(long, long)>();
        for (var run = 0; run < 3; run++)
        {
            await using var publisher = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero);
            PublisherBench.Publish(publisher, 7);
            expected.AddRange(Numbers(publisher.Epoch, 7));
        }
        bench.Broker.RegistryIsAway = false;
        await using var last = await bench.StartAsync();
        Assert.True(await last.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(expected, bench.Broker.Log);
    }

    [Fact]
    public async Task Broker_without_room_is_asked_again_and_nothing_is_lost()
    {
        using var bench = new PublisherBench();
        bench.Broker.IsFull = true;
        await using var publisher = await bench.StartAsync();
        PublisherBench.Publish(publisher, 300);
        Assert.False(await publisher.FlushAsync(TimeSpan.FromMilliseconds(100)));
        bench.Broker.IsFull = false;
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(Numbers(publisher.Epoch, 300), bench.Broker.Log);
    }

    private static IEnumerable<(long, long)> Numbers(long epoch, int count) => Enumerable.Range(1, count).Select(i => (epoch, (long)i));

    internal static void AssertNoGaps(IEnumerable<(long Epoch, long Sequence)> log, long epoch, long last)
    {
        var seen = log.Where(e => e.Epoch == epoch).Select(e => e.Sequence).ToHashSet();
        Assert.Equal(last, seen.Count);
        Assert.Equal((1, last), (seen.Min(), seen.Max()));
    }
}
