namespace Metering.Client;

/// <summary>
/// When accepted events are forced to the disk. Under each of them an accepted event survives the end of the process,
/// kill -9 included: it is in the operating system's hands before <c>Publish</c> returns. They differ in what a power cut
/// (or a crash of the operating system) takes of the events that the broker has not acknowledged yet.
/// </summary>
public enum SpoolFsync
{
    /// <summary>
    /// The default. A power cut takes at most the last interval (default 50 ms) of events that the broker has not
    /// acknowledged. What the broker has acknowledged is not synced at all, so that in normal operation,
    /// acknowledgements being faster than the interval, the disk is left in peace.
    /// </summary>
    Interval,

    /// <summary>A power cut takes nothing that was accepted. Each <c>Publish</c> waits for the disk; threads that publish together share one sync.</summary>
    EachAppend,

    /// <summary>Left to the operating system (about 30 s): for sources that can be read again, such as a replayed file.</summary>
    Never,
}
