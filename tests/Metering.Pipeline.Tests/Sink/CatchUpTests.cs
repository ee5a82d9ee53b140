using Metering.Pipeline.Sink;
using Xunit;

namespace Metering.Pipeline.Tests.Sink;

public sealed class CatchUpTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly CatchUp _catchUp = new();

    [Fact]
    public void Observe_a_ledger_that_is_seconds_behind_tells_nothing()
    {
        for (var second = 0; second < 60; second++)
            Assert.Null(At(second, behindSeconds: 9, records: 1000, rows: 0));
    }

    [Fact]
    public void Observe_ten_minutes_away_tells_every_ten_seconds_how_far_it_is()
    {
        var reports = new List<CatchUpReport>();
        for (var second = 0; second <= 30; second++)
        {
            // 100 of 12,000 records a second, of 1,000 rows each.
            if (At(second, behindSeconds: 600 - second, records: 12_000 - (100 * second), rows: 100_000 * second) is { } report)
                reports.Add(report);
        }
        Assert.Equal(
            [
                new(TimeSpan.FromSeconds(590), 11_000, 100_000, TimeSpan.FromSeconds(110)),
                new(TimeSpan.FromSeconds(580), 10_000, 100_000, TimeSpan.FromSeconds(100)),
                new(TimeSpan.FromSeconds(570), 9_000, 100_000, TimeSpan.FromSeconds(90)),
            ],
            reports);
    }

    [Fact]
    public void Observe_a_ledger_that_falls_behind_promises_no_end()
    {
        At(0, behindSeconds: 20, records: 100, rows: 0);
        var report = At(10, behindSeconds: 25, records: 300, rows: 50);
        Assert.Equal(new(TimeSpan.FromSeconds(25), 300, 5, null), report);
    }

    [Fact]
    public void Observe_after_it_has_caught_up_begins_anew()
    {
        At(0, behindSeconds: 20, records: 100, rows: 0);
        At(5, behindSeconds: 0, records: 0, rows: 1000);
        Assert.Null(At(11, behindSeconds: 20, records: 100, rows: 1000));
        Assert.NotNull(At(21, behindSeconds: 20, records: 50, rows: 1100));
    }

    [Fact]
    public void Observe_a_clock_that_is_set_back_is_no_silence()
    {
        At(3600, behindSeconds: 20, records: 100, rows: 0);
        Assert.NotNull(At(0, behindSeconds: 20, records: 90, rows: 10));
    }

    private CatchUpReport? At(int second, int behindSeconds, long records, long rows) =>
        _catchUp.Observe(Start.AddSeconds(second), TimeSpan.FromSeconds(behindSeconds), records, rows);
}
