using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class ArrivalClockTests
{
    private const long Quiet = 60_000;
    private const long Now = 100_000_000;

    private readonly ArrivalClock _clock = new(Quiet);

    [Fact]
    public void At_before_anything_came_is_not_known() => Assert.Equal(0, _clock.At(Now));

    [Fact]
    public void R31_At_of_a_task_that_is_behind_is_the_time_of_what_it_has_read()
    {
        _clock.Arrived(Now - 3_600_000);
        Assert.Equal(Now - 3_600_000, _clock.At(Now));
        _clock.Arrived(Now - 3_500_000);
        _clock.Arrived(Now - 3_550_000);
        Assert.Equal(Now - 3_500_000, _clock.At(Now + 1_000));
    }

    [Fact]
    public void At_of_a_broker_that_leaps_ahead_is_our_clock()
    {
        _clock.Arrived(Now + 86_400_000);
        Assert.Equal(Now, _clock.At(Now));
        Assert.Equal(Now + 10, _clock.At(Now + 10));
    }

    [Fact]
    public void At_of_a_quiet_partition_goes_on_by_our_clock()
    {
        _clock.Arrived(Now - 5);
        _clock.At(Now);
        Assert.Equal(Now - 5, _clock.At(Now + Quiet - 1));
        Assert.Equal(Now + Quiet, _clock.At(Now + Quiet));
    }

    [Fact]
    public void R16_At_stands_still_while_a_record_waits()
    {
        _clock.Arrived(Now);
        _clock.Held(); // once: how often it is tried again is the host's
        for (var i = 0; i < 100; i++)
            Assert.Equal(Now, _clock.At(Now + (i * 10_000)));
        _clock.Arrived(Now + 1);
        Assert.Equal(Now + 1, _clock.At(Now + 1_000_000));
        Assert.Equal(Now + 1_000_000 + Quiet, _clock.At(Now + 1_000_000 + Quiet));
    }

    [Fact]
    public void At_with_our_clock_set_back_waits_for_quiet_anew()
    {
        _clock.Arrived(Now);
        _clock.At(Now);
        Assert.Equal(Now - 1_000_000, _clock.At(Now - 1_000_000));
        Assert.Equal(Now - 1_000_000 + Quiet, _clock.At(Now - 1_000_000 + Quiet));
    }
}
