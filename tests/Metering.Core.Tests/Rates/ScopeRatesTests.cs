using Metering.Core.Rates;
using Metering.Core.Usage;

namespace Metering.Core.Tests.Rates;

public sealed class ScopeRatesTests
{
    private const uint T = 1_800_000_000;
    private const long SecondMicros = 1_000_000;
    private static readonly TimeSpan TenSeconds = TimeSpan.FromSeconds(10), Minute = TimeSpan.FromSeconds(60), Hour = TimeSpan.FromHours(1);

    private static UsageSums Sums(long input, long output = 0, long cost = 0) => new() { Requests = 1, InputTokens = input, OutputTokens = output, CostPicoUsd = cost };

    private static long At(double seconds) => (long)((T + seconds) * SecondMicros);

    [Fact]
    public void Over_counts_whole_seconds_inside_the_window_and_the_oldest_by_its_part()
    {
        var rates = new ScopeRates();
        for (uint second = 0; second < 20; second++)
            rates.Add(T + second, Sums(100));

        Assert.Equal(1_000, (long)rates.Over(TenSeconds, At(20)).InputTokens);
        Assert.Equal(975, (long)rates.Over(TenSeconds, At(20.25)).InputTokens);
        Assert.Equal(2_000, (long)rates.Over(Minute, At(20)).InputTokens);
        Assert.Equal(100, rates.Over(TenSeconds, At(20)).TokensPerSecond);
    }

    [Fact]
    public void Over_R31_decays_to_0_when_a_scope_goes_quiet()
    {
        var rates = new ScopeRates();
        rates.Add(T, Sums(600, 400, cost: 3_600_000_000));

        Assert.Equal(1_000, (long)(rates.Over(TenSeconds, At(1)).InputTokens + rates.Over(TenSeconds, At(1)).OutputTokens));
        Assert.True(rates.Over(TenSeconds, At(11)).IsZero);
        Assert.False(rates.Over(Minute, At(60)).IsZero);
        Assert.True(rates.Over(Minute, At(61)).IsZero);
        Assert.Equal(3_600_000_000, rates.Over(Hour, At(60)).CostPicoUsdPerHour);
        Assert.True(rates.Over(Hour, At(3_700)).IsZero);
    }

    [Fact]
    public void Over_counts_what_comes_late_and_nothing_that_lies_ahead()
    {
        var rates = new ScopeRates();
        rates.Add(T + 9, Sums(1));
        rates.Add(T, Sums(10));
        rates.Add(T + 5, Sums(100));
        rates.Add(T + 5, Sums(1_000));

        Assert.Equal(1_111, (long)rates.Over(TenSeconds, At(10)).InputTokens);
        Assert.Equal(1_110, (long)rates.Over(TenSeconds, At(8)).InputTokens);
        Assert.Equal(4, (long)rates.Over(TenSeconds, At(10)).Requests);
    }

    [Fact]
    public void Over_any_flow_equals_the_sum_of_what_lies_in_the_window()
    {
        var random = new Random(7);
        var rates = new ScopeRates();
        var all = new List<(uint Second, long Tokens)>();
        for (var now = T; now < T + 5_000; now++)
        {
            for (var i = random.Next(3); i > 0; i--)
            {
                var one = (Second: now - (uint)random.Next(10), Tokens: random.NextInt64(1_000_000));
                all.Add(one);
                rates.Add(one.Second, Sums(one.Tokens));
            }
            var end = (long)(now + 1) * SecondMicros;
            Assert.Equal(all.Where(a => a.Second > now - 60 && a.Second <= now).Sum(a => a.Tokens), (long)rates.Over(Minute, end).InputTokens);
            if ((now + 1) % 60 == 0)
                Assert.Equal(all.Where(a => a.Second > now - 3_600 && a.Second <= now).Sum(a => a.Tokens), (long)rates.Over(Hour, end).InputTokens);
        }
        Assert.InRange(rates.BySecond.Count, 1, ScopeRates.Seconds);
        Assert.InRange(rates.ByMinute.Count, 1, ScopeRates.Minutes);
    }

    [Fact]
    public void Add_of_a_cost_beyond_a_long_keeps_the_other_figures()
    {
        var rates = new ScopeRates();
        rates.Add(T, Sums(1, 1, long.MaxValue));
        rates.Add(T, Sums(1, 1, long.MaxValue));

        var sums = rates.Over(TenSeconds, At(1));
        Assert.Equal(2, (long)sums.Requests);
        Assert.Equal(long.MaxValue, (long)sums.CostPicoUsd);
        Assert.Equal(long.MaxValue, sums.CostPicoUsdPerHour);
    }
}
