using Metering.Cli.Replay;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Cli.Tests.Replay;

public sealed class ReplayPacerTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("1", 10_000)]
    [InlineData("2", 5_000)]
    [InlineData("0.5", 20_000)]
    [InlineData("1000", 10)]
    public void DelayFor_divides_the_traces_pace_by_the_speed(string speed, int expectedMs)
    {
        var pacer = new ReplayPacer(ReplaySpeed.Parse(speed), _time);
        Assert.Equal(TimeSpan.Zero, pacer.DelayFor(0));
        Assert.Equal(TimeSpan.FromMilliseconds(expectedMs), pacer.DelayFor(10_000_000));
    }

    [Fact]
    public void DelayFor_counts_from_the_start_so_that_lateness_is_made_up()
    {
        var pacer = new ReplayPacer(ReplaySpeed.Real, _time);
        pacer.DelayFor(0);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.Zero, pacer.DelayFor(1_000_000));
        Assert.Equal(TimeSpan.Zero, pacer.DelayFor(3_000_000));
        Assert.Equal(TimeSpan.FromSeconds(1), pacer.DelayFor(4_000_000));
    }

    [Fact]
    public void DelayFor_max_never_waits() =>
        Assert.Equal(TimeSpan.Zero, new ReplayPacer(ReplaySpeed.Max, _time).DelayFor(long.MaxValue));

    [Fact]
    public async Task WaitAsync_returns_when_the_event_is_due_and_not_before()
    {
        var pacer = new ReplayPacer(ReplaySpeed.Parse("2"), _time);
        await pacer.WaitAsync(0, TestContext.Current.CancellationToken);
        var wait = pacer.WaitAsync(10_000_000, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(4_998));
        Assert.False(wait.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(2));
        await wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WaitAsync_ends_when_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var pacer = new ReplayPacer(ReplaySpeed.Real, _time);
        pacer.DelayFor(0);
        var wait = pacer.WaitAsync(1_000_000, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("fast")]
    [InlineData("1,5")]
    [InlineData("1e3")]
    [InlineData("10000000")]
    [InlineData("")]
    public void Parse_refuses_what_is_no_speed(string text) =>
        Assert.Contains("give a multiple", Assert.Throws<FormatException>(() => ReplaySpeed.Parse(text)).Message, StringComparison.Ordinal);
}
