using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Log;

/// <summary>Old segments go, by time and size. What it decides is journaled: a replay does the same whatever the clock says.</summary>
internal static class Retention
{
    /// <summary>Takes the gate for a log at a time.</summary>
    public static void Run(Lock gate, TopicTable topics, long nowMs, ILogger logger)
    {
        PartitionLog[] logs;
        lock (gate)
            logs = [.. topics.Logs.Where(log => log.Segments.Count > 0)];
        foreach (var log in logs)
        {
            lock (gate)
            {
                var start = log.IsDeleted ? 0 : StartFor(log, nowMs);
                if (start <= log.StartOffset)
                    continue;
                log.MoveStart(start);
                StorageLog.Retained(logger, log.FolderName, start);
            }
        }
    }

    /// <summary>Whole segments only, and nothing that is not durable or not decided.</summary>
    private static long StartFor(PartitionLog log, long nowMs)
    {
        var config = log.Config;
        var start = log.StartOffset;
        if (!config.Deletes)
            return start;
        var bytes = log.Bytes;
        foreach (var segment in log.Segments)
        {
            var latestMs = segment.MaxTimestampMs >= 0 ? segment.MaxTimestampMs : segment.LastAppendMs;
            var isOld = config.RetentionMs >= 0 && nowMs - latestMs > config.RetentionMs;
            var isTooMuch = config.RetentionBytes >= 0 && bytes - segment.Bytes >= config.RetentionBytes;
            if (segment.EndOffset > log.StableOffset || !(isOld || isTooMuch))
                break;
            bytes -= segment.Bytes;
            start = segment.EndOffset;
        }
        return start;
    }
}
