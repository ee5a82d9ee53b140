namespace Metering.Events;

/// <summary>
/// What an event may at most be: the publisher takes nothing larger and METER meters nothing larger, so that a row, its
/// state and its deltas fit a quarter of the message limit (R15): 15 names of 512 bytes, 64 tags of 2 KB and 64 leases are 147 KB.
/// </summary>
public static class EventLimits
{
    /// <summary>Bytes of UTF-8 in any name or id.</summary>
    public const int MaxNameBytes = 512;

    public const int MaxTags = 64;

    /// <summary>Leases that pay for one event: some for each of its limits.</summary>
    public const int MaxPaidBy = 64;

    /// <summary>Bytes of UTF-8 in a lease's id where it is one of several.</summary>
    public const int MaxPaidByBytes = 128;

    /// <summary>Bytes of UTF-8 in a tag's name, and in its value.</summary>
    public const int MaxTagBytes = 1024;

    /// <summary>Of each token count: far above any context, far below an overflow of sums.</summary>
    public const long MaxTokens = 10_000_000_000;

    /// <summary>Bytes of an event's Avro body; a record that grows when it is resolved is refused beyond this.</summary>
    public const int MaxEventBytes = 192 << 10;

    /// <summary>2020-01-01T00:00:00Z in Unix microseconds: nothing is metered before (R21).</summary>
    public const long MinTimeMicros = 1_577_836_800_000_000;

    /// <summary>How far an event's time may be ahead of its arrival, in microseconds: one hour (R21).</summary>
    public const long MaxAheadMicros = 3_600_000_000;
}
