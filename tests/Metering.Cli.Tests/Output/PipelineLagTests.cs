using Metering.Cli.Hosting;
using Metering.Kafka.Tasks;
using TaskStatus = Metering.Kafka.Tasks.TaskStatus;

namespace Metering.Cli.Tests.Output;

public sealed class PipelineLagTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Without_lag_or_before_the_first_event_there_is_none()
    {
        Assert.Null(PipelineLag.SinceOf(Task(position: 10, highWatermark: 10), Micros(Noon)));
        Assert.Null(PipelineLag.SinceOf(Task(position: 5, highWatermark: -1), Micros(Noon)));
        Assert.Null(PipelineLag.SinceOf(Task(position: 5, highWatermark: 10), 0));
    }

    [Fact]
    public void Behind_it_is_the_last_events_own_time() =>
        Assert.Equal(Noon, PipelineLag.SinceOf(Task(position: 5, highWatermark: 10), Micros(Noon)));

    [Fact]
    public void A_partition_that_was_quiet_is_not_behind_by_its_silence()
    {
        var quiet = Task(position: 5, highWatermark: 6) with { CaughtUpAt = Noon.AddHours(1) };
        Assert.Equal(Noon.AddHours(1), PipelineLag.SinceOf(quiet, Micros(Noon)));
        Assert.Equal(Noon.AddHours(2), PipelineLag.SinceOf(quiet, Micros(Noon.AddHours(2))));
    }

    private static TaskStatus Task(long position, long highWatermark) => new(0, TaskState.Running, null, position, highWatermark, Noon, 0, 0, 0);

    private static long Micros(DateTimeOffset time) => time.ToUnixTimeMilliseconds() * 1000;
}
