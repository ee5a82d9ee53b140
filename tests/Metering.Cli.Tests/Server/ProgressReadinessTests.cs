using Metering.Server.Health;

namespace Metering.Cli.Tests.Server;

/// <summary>Health means progress, not liveness.</summary>
public sealed class ProgressReadinessTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private readonly ProgressReadiness _readiness = new("METER");

    [Fact]
    public void Check_before_the_first_observation_is_not_ready() =>
        Assert.Equal("starting", _readiness.Check(Start).Reason);

    [Fact]
    public void Check_idle_for_an_hour_is_ready_and_new_work_has_its_full_patience()
    {
        for (var second = 0; second <= 3600; second++)
            _readiness.Observe(lag: 0, progress: 5, At(second));
        Assert.True(_readiness.Check(At(3600)).IsReady);

        _readiness.Observe(lag: 10, progress: 5, At(3601));
        _readiness.Observe(lag: 10, progress: 5, At(3609));

        Assert.True(_readiness.Check(At(3609)).IsReady);
    }

    [Fact]
    public void Check_behind_without_progress_is_not_ready_after_ten_seconds_and_says_why()
    {
        for (var second = 0; second <= 12; second++)
            _readiness.Observe(lag: 10, progress: 5, At(second));

        Assert.True(_readiness.Check(At(9)).IsReady);
        Assert.Equal("10 records behind and no progress for 12 s", _readiness.Check(At(12)).Reason);

        _readiness.Observe(lag: 10, progress: 6, At(13));
        Assert.True(_readiness.Check(At(13)).IsReady);
    }

    [Fact]
    public void Check_behind_but_moving_is_ready_however_far_behind()
    {
        for (var second = 0; second <= 60; second++)
            _readiness.Observe(lag: 1_000_000 + second, progress: second, At(second));

        Assert.True(_readiness.Check(At(60)).IsReady);
    }

    [Fact]
    public void Check_loop_that_stopped_reporting_is_not_ready_even_without_lag()
    {
        _readiness.Observe(lag: 0, progress: 5, At(0));

        Assert.True(_readiness.Check(At(9)).IsReady);
        Assert.Equal("has not reported for 10 s", _readiness.Check(At(10)).Reason);
    }

    [Fact]
    public void Check_waiting_for_a_service_is_not_ready_at_once_and_says_for_what_R16()
    {
        _readiness.Observe(lag: 0, progress: 5, At(0));
        _readiness.WaitFor("the registry at http://r", At(1));
        _readiness.WaitFor("the registry at http://r", At(3));

        Assert.Equal("waiting for the registry at http://r for 3 s", _readiness.Check(At(4)).Reason);

        _readiness.Resume(At(30));
        Assert.True(_readiness.Check(At(31)).IsReady);
    }

    private static DateTimeOffset At(int second) => Start.AddSeconds(second);
}
