using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Sink;

/// <summary>SINK's log lines: event ids 5100 to 5199.</summary>
internal static partial class SinkLog
{
    [LoggerMessage(5100, LogLevel.Information, "Sink partition {Partition}: finishing the open plan [{From}, {To}) of {Rows} rows")]
    public static partial void PlanTakenOver(ILogger logger, int partition, long from, long to, long rows);

    [LoggerMessage(5101, LogLevel.Warning, "Sink partition {Partition}: insert into {Table} of blocks [{From}, {To}) was not acknowledged; again in {Backoff}: {Reason}")]
    public static partial void InsertFailed(ILogger logger, int partition, string table, long from, long to, TimeSpan backoff, string reason);

    [LoggerMessage(5102, LogLevel.Warning, "Sink partition {Partition}: {Table} lacks {Count} blocks of [{From}, {To}) after its token was accepted; inserting just these")]
    public static partial void BlocksMissing(ILogger logger, int partition, string table, long from, long to, int count);

    [LoggerMessage(5103, LogLevel.Warning, "Sink partition {Partition}: the ledger does not answer; again in {Backoff}: {Reason}")]
    public static partial void LedgerAway(ILogger logger, int partition, TimeSpan backoff, string reason);

    [LoggerMessage(5104, LogLevel.Error, "Sink partition {Partition} has stopped")]
    public static partial void TaskStopped(ILogger logger, Exception error, int partition);

    [LoggerMessage(5105, LogLevel.Information, "Sink partition {Partition}: begins at {Offset}")]
    public static partial void TaskStarted(ILogger logger, int partition, long offset);

    [LoggerMessage(5106, LogLevel.Information, "Sink partition {Partition}: given back")]
    public static partial void TaskEnded(ILogger logger, int partition);

    [LoggerMessage(5107, LogLevel.Warning, "Sink: {What} failed; again later")]
    public static partial void HousekeepingFailed(ILogger logger, Exception error, string what);

    [LoggerMessage(5108, LogLevel.Warning, "Sink partition {Partition}: the group refused its commit, it takes over again unless the partition is given away: {Reason}")]
    public static partial void Fenced(ILogger logger, int partition, string reason);

    [LoggerMessage(5109, LogLevel.Information, "Sink catches up: the ledger is {Behind} behind, {Records} records of metered-blocks; {RowsPerSecond} rows/s, about {Left} left")]
    public static partial void CatchingUp(ILogger logger, TimeSpan behind, long records, long rowsPerSecond, TimeSpan left);

    [LoggerMessage(5110, LogLevel.Warning, "Sink falls behind: the ledger is {Behind} behind, {Records} records of metered-blocks, and comes no nearer at {RowsPerSecond} rows/s")]
    public static partial void FallingBehind(ILogger logger, TimeSpan behind, long records, long rowsPerSecond);

    [LoggerMessage(5111, LogLevel.Warning, "Sink partition {Partition}: the group's word is older than the ledger, it is asked again in {After}: {Reason}")]
    public static partial void OldWord(ILogger logger, int partition, TimeSpan after, string reason);
}
