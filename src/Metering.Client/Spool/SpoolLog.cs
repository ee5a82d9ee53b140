using Microsoft.Extensions.Logging;

namespace Metering.Client.Spool;

internal static partial class SpoolLog
{
    [LoggerMessage(4001, LogLevel.Warning, "spool {Path}: cut {Bytes} bytes at offset {Offset}: the end of a record that was never finished")]
    public static partial void TornTail(ILogger log, string path, long offset, long bytes);

    [LoggerMessage(4002, LogLevel.Error, "spool {Path}: no whole header, {Bytes} bytes set aside; its events are missing and will be counted as lost")]
    public static partial void SegmentDamaged(ILogger log, string path, long bytes);

    [LoggerMessage(4003, LogLevel.Error, "spool {Path}: {Bytes} bytes at offset {Offset} are damaged and cannot be sent; a copy of the segment is kept beside it")]
    public static partial void RecordsDamaged(ILogger log, string path, long offset, long bytes);

    [LoggerMessage(4004, LogLevel.Error, "epoch {Epoch}: {Events} accepted events are missing in the spool after sequence {After} and will be counted as lost")]
    public static partial void EventsMissing(ILogger log, long epoch, long events, long after);

    [LoggerMessage(4005, LogLevel.Error, "spool {Path}: cannot be forced to the disk: accepted events would not survive a power cut")]
    public static partial void SyncFailed(ILogger log, string path, Exception error);

    [LoggerMessage(4006, LogLevel.Warning, "spool {Path}: cannot be deleted or updated; it is tried again")]
    public static partial void TidyFailed(ILogger log, string path, Exception error);
}
