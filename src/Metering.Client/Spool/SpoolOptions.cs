namespace Metering.Client.Spool;

internal sealed record SpoolOptions
{
    /// <summary>Of all segments together.</summary>
    public long MaxBytes { get; init; } = 1L << 30;

    public int SegmentBytes { get; init; } = 16 << 20;

    public SpoolFsync Fsync { get; init; } = SpoolFsync.Interval;

    public TimeSpan FsyncInterval { get; init; } = TimeSpan.FromMilliseconds(50);
}
