namespace Metering.Pipeline.Meter;

/// <summary>
/// What an event may at most be, so that a row, its state and its deltas fit a quarter of the message limit (R15):
/// 20 names of 256 bytes and 64 tags of 1.1 KB are 76 KB.
/// </summary>
public static class EventLimits
{
    /// <summary>Bytes of UTF-8 in any name or id.</summary>
    public const int MaxNameBytes = 256;

    public const int MaxTags = 64;

    public const int MaxTagNameBytes = 128;

    public const int MaxTagValueBytes = 1024;

    /// <summary>Tokens of one request, in each count: far above any context, far below an overflow of sums.</summary>
    public const long MaxTokens = 1_000_000_000;

    /// <summary>Bytes of a decoded event; a record that grows when it is resolved is refused beyond this.</summary>
    public const int MaxEventBytes = 128 << 10;

    /// <summary>2020-01-01T00:00:00Z in Unix microseconds: nothing is metered before (R21).</summary>
    public const long MinTimeMicros = 1_577_836_800_000_000;

    /// <summary>How far an event's time may be ahead of its arrival: one hour (R21).</summary>
    public const long MaxAheadMicros = 3_600_000_000;
}
