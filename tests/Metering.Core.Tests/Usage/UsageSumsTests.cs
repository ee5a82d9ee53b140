using Metering.Core.Usage;

namespace Metering.Core.Tests.Usage;

public sealed class UsageSumsTests
{
    [Fact]
    public void Sums_add_up_field_by_field()
    {
        var sums = new UsageSums(1, 2, 3, 4, 5, 6, 7, 8);
        Assert.True(sums.TryAdd(new UsageSums(10, 20, 30, 40, 50, 60, 70, 80)));
        Assert.Equal(new UsageSums(11, 22, 33, 44, 55, 66, 77, 88), sums);
    }

    [Fact]
    public void A_cost_that_would_overflow_changes_nothing()
    {
        var sums = new UsageSums(1, 2, 3, 4, 5, 6, long.MaxValue - 1, 0);
        Assert.False(sums.TryAdd(new UsageSums(1, 1, 1, 1, 1, 1, 2, 0)));
        Assert.Equal(new UsageSums(1, 2, 3, 4, 5, 6, long.MaxValue - 1, 0), sums);
        Assert.True(sums.TryAdd(new UsageSums(0, 0, 0, 0, 0, 0, 1, 0)));
    }

    [Theory]
    [InlineData(0, 0)] // as it should be
    [InlineData(-9, -9)] // late, within what rates forgive
    [InlineData(-10, -10)]
    [InlineData(-3600, -10)] // a spool of an hour ago
    [InlineData(1, 0)] // a clock that is ahead
    [InlineData(3600, 0)]
    public void R31_Rates_move_by_arrival_and_event_times_into_the_seconds_before_it(int eventSeconds, int rateSeconds)
    {
        const long arrivedSeconds = 1_800_000_000;
        var eventMicros = (arrivedSeconds + eventSeconds) * 1_000_000;
        Assert.Equal(arrivedSeconds + eventSeconds, Seconds.Of(eventMicros));
        Assert.Equal(arrivedSeconds + rateSeconds, Seconds.OfRate(eventMicros, arrivedSeconds * 1000));
    }
}
