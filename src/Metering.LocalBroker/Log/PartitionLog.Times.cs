namespace Metering.LocalBroker.Log;

/// <summary>Offsets by time. A stand-in until the log has them.</summary>
internal sealed partial class PartitionLog
{
    public (long Offset, long TimestampMs) FindTime(long timestampMs, bool committedOnly) => (-1, -1);

    public (long Offset, long TimestampMs) FindMaxTime() => (-1, -1);
}
