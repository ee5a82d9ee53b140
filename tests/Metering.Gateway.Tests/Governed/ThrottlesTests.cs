using Metering.Gateway.Governed;

namespace Metering.Gateway.Tests.Governed;

public sealed class ThrottlesTests
{
    private const long Second = 1_000_000;

    private readonly Throttles _throttles = new();

    [Fact]
    public void WaitFor_lets_go_while_the_bucket_is_not_empty_and_then_says_how_long()
    {
        Assert.Equal(TimeSpan.Zero, _throttles.WaitFor("tenant=acme", "p", 100, null, 0));
        _throttles.Take("tenant=acme", "p", 300);
        Assert.InRange(_throttles.WaitFor("tenant=acme", "p", 100, null, 0).TotalSeconds, 2, 2.01);
        Assert.InRange(_throttles.WaitFor("tenant=acme", "p", 100, null, Second).TotalSeconds, 1, 1.01);
        Assert.Equal(TimeSpan.Zero, _throttles.WaitFor("tenant=acme", "p", 100, null, 2 * Second + 10_000));
        Assert.Equal(TimeSpan.Zero, _throttles.WaitFor("tenant=blue", "p", 100, null, 0));
    }

    [Fact]
    public void WaitFor_holds_no_more_than_a_burst_and_a_clock_that_goes_back_gives_nothing()
    {
        _throttles.WaitFor("*", "p", 10, 50, 0);
        _throttles.WaitFor("*", "p", 10, 50, 3_600 * Second);
        _throttles.Take("*", "p", 51);
        Assert.InRange(_throttles.WaitFor("*", "p", 10, 50, 3_600 * Second).TotalSeconds, 0.1, 0.11);
        Assert.InRange(_throttles.WaitFor("*", "p", 10, 50, 0).TotalSeconds, 0.1, 0.11);
    }

    [Fact]
    public void WaitFor_of_a_rate_of_0_waits_a_minute_at_a_time()
    {
        Assert.Equal(TimeSpan.FromMinutes(1), _throttles.WaitFor("*", "p", 0, null, 0));
        _throttles.Take("unknown", "p", 1);
    }
}
