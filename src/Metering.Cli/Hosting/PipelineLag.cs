using TaskStatus = Metering.Kafka.Tasks.TaskStatus;

namespace Metering.Cli.Hosting;

/// <summary>How far METER is behind, in the events' own time.</summary>
internal static class PipelineLag
{
    /// <summary>The own time of the last event metered, of the partition with lag that is the furthest behind; null without lag,
    /// or before anything was metered.</summary>
    public static DateTimeOffset? MeterSince(MeterPart meter)
    {
        DateTimeOffset? oldest = null;
        foreach (var task in meter.Tasks)
        {
            if (SinceOf(task, meter.Context.Counters.EventTimeMicros(task.Partition)) is { } since && (oldest is null || since < oldest))
                oldest = since;
        }
        return oldest;
    }

    internal static DateTimeOffset? SinceOf(TaskStatus task, long eventTimeMicros)
    {
        if (task.Lag <= 0 || eventTimeMicros <= 0)
            return null;
        var since = DateTimeOffset.UnixEpoch.AddMicroseconds(eventTimeMicros);
        // A partition that was quiet for an hour is not an hour behind when its next event comes.
        return task.CaughtUpAt is { } caughtUpAt && caughtUpAt > since ? caughtUpAt : since;
    }
}
