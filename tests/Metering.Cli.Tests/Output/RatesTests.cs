using Metering.Cli.Output;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Cli.Tests.Output;

public sealed class RatesTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Observe_first_totals_give_no_rates_yet()
    {
        var figures = new LiveFiguresBuilder(_time).Observe(new RunningTotals { Metered = 1000, CostPicoUsd = 5 });

        Assert.Equal(0, figures.EventsPerSecond);
        Assert.Equal(0, figures.CostPerHourUsd);
        Assert.Equal(1000, figures.Metered);
        Assert.Equal(-1, figures.LedgerRows);
    }

    [Fact]
    public void Observe_growth_over_uneven_seconds_gives_the_mean_rate()
    {
        var builder = new LiveFiguresBuilder(_time);
        builder.Observe(new RunningTotals());
        _time.Advance(TimeSpan.FromMilliseconds(2500));

        // 0.01 USD in 2.5 s are 14.40 USD an hour.
        var figures = builder.Observe(new RunningTotals { Metered = 250, InputTokens = 1000, OutputTokens = 50, CostPicoUsd = 10_000_000_000, LagMs = 1234 });

        Assert.Equal(100m, figures.EventsPerSecond);
        Assert.Equal(400m, figures.InputTokensPerSecond);
        Assert.Equal(20m, figures.OutputTokensPerSecond);
        Assert.Equal(14.4m, figures.CostPerHourUsd);
        Assert.Equal(1.234m, figures.LagSeconds);
        Assert.Equal(2.5m, figures.UptimeSeconds);
    }

    [Fact]
    public void Observe_old_traffic_leaves_the_window()
    {
        var builder = new LiveFiguresBuilder(_time, TimeSpan.FromSeconds(5));
        builder.Observe(new RunningTotals());
        LiveFigures figures = new();
        for (var second = 1; second <= 12; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            figures = builder.Observe(new RunningTotals { Metered = Math.Min(second, 3) * 1000 });
            if (second == 5)
                Assert.Equal(600m, figures.EventsPerSecond);
        }

        Assert.Equal(0m, figures.EventsPerSecond);
    }

    [Fact]
    public void Observe_counter_that_went_back_never_gives_a_negative_rate()
    {
        var builder = new LiveFiguresBuilder(_time);
        builder.Observe(new RunningTotals { Metered = 1000, CostPicoUsd = 9_000_000_000_000 });
        _time.Advance(TimeSpan.FromSeconds(1));

        var figures = builder.Observe(new RunningTotals { Metered = 40, CostPicoUsd = 1_000_000_000_000 });

        Assert.Equal(40m, figures.EventsPerSecond);
        Assert.Equal(3600m, figures.CostPerHourUsd);
    }

    [Fact]
    public void Observe_sums_beyond_64_bits_stay_exact()
    {
        var builder = new LiveFiguresBuilder(_time);
        var start = Int128.Parse("79000000000000000000000000000", System.Globalization.CultureInfo.InvariantCulture);
        builder.Observe(new RunningTotals { CostPicoUsd = start });
        _time.Advance(TimeSpan.FromSeconds(1));

        var figures = builder.Observe(new RunningTotals { CostPicoUsd = start + 27_777_777 });

        Assert.Equal(0.1m, figures.CostPerHourUsd);
    }

    [Fact]
    public void Observe_groups_shows_the_dearest_then_the_busiest_and_new_ones_from_zero()
    {
        var builder = new LiveFiguresBuilder(_time, top: 3);
        builder.Observe(new RunningTotals { Tenants = [new("a", 10, 100, 10, 0), new("b", 0, 0, 0, 0)] });
        _time.Advance(TimeSpan.FromSeconds(2));

        var figures = builder.Observe(new RunningTotals
        {
            Tenants =
            [
                new("a", 12, 104, 12, 0),
                new("b", 0, 0, 0, 0),
                new("dear", 2, 2, 2, 1_000_000_000_000),
                new("busy", 200, 2000, 200, 0),
            ],
        });

        Assert.Equal(["dear", "busy", "a"], figures.Tenants.Select(t => t.Name));
        Assert.Equal(1800m, figures.Tenants[0].CostPerHourUsd);
        Assert.Equal(100m, figures.Tenants[1].EventsPerSecond);
        Assert.Equal(2m, figures.Tenants[2].InputTokensPerSecond);
    }

    [Fact]
    public void Observe_twice_in_the_same_instant_divides_by_nothing()
    {
        var builder = new LiveFiguresBuilder(_time);
        builder.Observe(new RunningTotals());

        Assert.Equal(0m, builder.Observe(new RunningTotals { Metered = 5 }).EventsPerSecond);
    }
}
