namespace Metering.Cli.Replay;

/// <summary>
/// Tells when an event of a trace is due. Every due time counts from the start, so that a late event does not delay
/// those after it. One thread.
/// </summary>
public sealed class ReplayPacer(ReplaySpeed speed, TimeProvider time)
{
    // Timers are no finer; waiting for less would only make bursts of another shape.
    private static readonly TimeSpan Finest = TimeSpan.FromMilliseconds(1);

    // The longest that a timer takes; longer waits go in steps.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    private long? _started;

    /// <summary>How long to wait for the event; zero when it is due. The first call starts the clock.</summary>
    /// <param name="offsetMicros">After the trace's first event; 0 or more.</param>
    public TimeSpan DelayFor(long offsetMicros)
    {
        if (speed.Factor is null)
            return TimeSpan.Zero;
        _started ??= time.GetTimestamp();
        var delay = speed.DueAfter(offsetMicros) - time.GetElapsedTime(_started.Value);
        return delay < Finest ? TimeSpan.Zero : delay;
    }

    /// <summary>Waits until the event is due.</summary>
    public async ValueTask WaitAsync(long offsetMicros, CancellationToken cancel)
    {
        for (var delay = DelayFor(offsetMicros); delay > TimeSpan.Zero; delay = DelayFor(offsetMicros))
            await Task.Delay(delay < Longest ? delay : Longest, time, cancel).ConfigureAwait(false);
    }
}
