using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>What storage and logs say. Event ids 7100–7199.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(7100, LogLevel.Information, "Local broker data in {Directory}: {Topics} topics, {Partitions} partitions, {LogBytes} bytes; replayed {Entries} entries of the journal in {Ms} ms")]
    public static partial void Recovered(ILogger logger, string directory, int topics, int partitions, long logBytes, long entries, long ms);

    [LoggerMessage(7101, LogLevel.Error, "The local broker's journal cannot be written; nothing is taken until the disk is well again")]
    public static partial void JournalFailed(ILogger logger, Exception failure);

    [LoggerMessage(7102, LogLevel.Error, "The local broker's data cannot be recovered yet; trying again each second")]
    public static partial void RecoveryFailed(ILogger logger, Exception failure);

    [LoggerMessage(7103, LogLevel.Error, "Damage in {Path} at position {Position}, found by a read of offset {Offset}: what lies there is not served")]
    public static partial void Damaged(ILogger logger, string path, long position, long offset);

    [LoggerMessage(7104, LogLevel.Warning, "The disk of {Directory} has {FreeBytes} bytes free, below {FloorBytes}: producers are refused until there is more")]
    public static partial void DiskNearlyFull(ILogger logger, string directory, long freeBytes, long floorBytes);

    [LoggerMessage(7105, LogLevel.Information, "The disk of {Directory} has room again: producers are served")]
    public static partial void DiskHasRoom(ILogger logger, string directory);

    [LoggerMessage(7106, LogLevel.Debug, "Checkpoint at entry {Entry}: {Bytes} bytes, {Segments} segments synced, {Ms} ms")]
    public static partial void Checkpoint(ILogger logger, long entry, int bytes, int segments, long ms);

    [LoggerMessage(7107, LogLevel.Information, "Mode Process: what the local broker acknowledges survives kill -9, but a power cut may take back the last second, down to a consistent point")]
    public static partial void ProcessMode(ILogger logger);

    [LoggerMessage(7108, LogLevel.Debug, "Compacted {Partition}: {BytesBefore} bytes to {BytesAfter}")]
    public static partial void Compacted(ILogger logger, string partition, long bytesBefore, long bytesAfter);

    [LoggerMessage(7109, LogLevel.Warning, "Housekeeping of the local broker failed; it is tried again")]
    public static partial void HousekeepingFailed(ILogger logger, Exception failure);

    [LoggerMessage(7110, LogLevel.Error, "{Path} has {Bytes} bytes, but {KnownBytes} are known: records of {Partition} are lost")]
    public static partial void ShortSegment(ILogger logger, string path, long bytes, long knownBytes, string partition);

    [LoggerMessage(7112, LogLevel.Critical, "The local broker's data cannot be recovered; it serves nothing any more until it is started anew")]
    public static partial void Lost(ILogger logger, Exception failure);

    [LoggerMessage(7111, LogLevel.Debug, "Removed the records of {Partition} below offset {Offset}: retention")]
    public static partial void Retained(ILogger logger, string partition, long offset);
}
