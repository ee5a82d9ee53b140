using Metering.Cli.Prices;
using Metering.Cli.Tests.Prices;
using Metering.Cli.Workload;
using Metering.Core.Pricing;
using Metering.Events;

namespace Metering.Cli.Tests.Workload;

public sealed class WorkloadGeneratorTests
{
    private const ulong Seed = 20_261_124;

    [Fact]
    public void Next_is_the_same_for_a_seed_and_another_for_another()
    {
        static List<(TimeSpan, string, string, long, long)> Take(ulong seed)
        {
            var generator = new WorkloadGenerator(seed, 50);
            return [.. Enumerable.Range(0, 1_000).Select(_ => generator.Next()).Select(r => (r.Delay, r.Event.RequestId, r.Event.Tenant, r.Event.InputTokens, r.Event.DurationUs))];
        }
        Assert.Equal(Take(Seed), Take(Seed));
        Assert.NotEqual(Take(Seed), Take(Seed + 1));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(20_000)]
    public void Next_keeps_the_rate(double rate)
    {
        var seconds = Requests(200_000, rate).Sum(r => r.Delay.TotalSeconds);
        Assert.InRange(200_000 / seconds / rate, 0.95, 1.05);
    }

    [Fact]
    public void RatePerSecond_can_change_on_the_way()
    {
        var generator = new WorkloadGenerator(Seed, 10);
        for (var i = 0; i < 1_000; i++)
            generator.Next();
        generator.RatePerSecond = 1_000;
        Assert.InRange(Enumerable.Range(0, 50_000).Sum(_ => generator.Next().Delay.TotalSeconds), 45, 55);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e7)]
    public void RatePerSecond_out_of_range_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkloadGenerator(Seed, rate));

    [Fact]
    public void Next_gives_valid_events_of_models_that_have_prices()
    {
        var prices = PriceBook.Create(PriceFile.Load(Path.Combine(Repository.Root, "infra", "prices", "prices.json")).Models);
        foreach (var (delay, e, _) in Requests(50_000))
        {
            Assert.True(delay >= TimeSpan.Zero);
            Assert.InRange(e.CachedInputTokens + e.CacheWriteTokens, 0, e.InputTokens);
            Assert.InRange(e.ReasoningTokens, 0, e.OutputTokens);
            Assert.True(e.DurationUs > 0 && e.TtftUs <= e.DurationUs && e.QueueUs <= e.DurationUs);
            Assert.Equal(e.Pool is null, e.Node is null);
            Assert.Equal(e.Pool is null, e.GpuUs == -1);
            Assert.True(e.Streamed || e.TtftUs == -1);
            Assert.True(prices.TryPrice(e.Model, 1_790_000_000_000_000, e.InputTokens, e.CachedInputTokens, e.CacheWriteTokens, e.OutputTokens, e.ReasoningTokens).Priced, e.Model);
        }
    }

    [Fact]
    public void Next_shows_every_tenant_model_route_pool_and_end()
    {
        var events = Requests(50_000).Select(r => r.Event).ToList();
        var tenants = events.CountBy(e => e.Tenant).OrderByDescending(t => t.Value).ToList();
        Assert.Equal(WorkloadProfiles.Tenants.Count, tenants.Count);
        Assert.Equal("acme", tenants[0].Key);
        Assert.InRange(tenants[0].Value / (double)tenants[1].Value, 1.6, 2.2);
        Assert.Equal(8, events.Select(e => e.Model).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(8, events.Select(e => e.Route).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(3, events.Select(e => e.Pool).OfType<string>().Distinct(StringComparer.Ordinal).Count());
        Assert.InRange(events.Count(e => e.Status == Status.Ok) / 50_000.0, 0.97, 0.98);
        Assert.Equal([Status.Ok, Status.Error, Status.Cancelled, Status.Rejected], events.Select(e => e.Status).Distinct().Order());
        Assert.All(events.Where(e => e.Status is Status.Error or Status.Rejected), e => Assert.Equal(0, e.InputTokens + e.OutputTokens));
        Assert.Contains(events, e => e.ReasoningTokens > 0);
        Assert.Contains(events, e => e.CacheWriteTokens > 0);
        Assert.Equal(events.Count, events.Select(e => e.RequestId).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void Profiles_shares_add_up_to_one() =>
        Assert.Equal(1.0, WorkloadProfiles.All.Sum(p => p.Share), 12);

    internal static IEnumerable<WorkloadRequest> Requests(int count, double rate = 100)
    {
        var generator = new WorkloadGenerator(Seed, rate);
        for (var i = 0; i < count; i++)
            yield return generator.Next();
    }
}
