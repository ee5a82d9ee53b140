namespace Metering.Client;

/// <summary>Bounds on an event's fields. A larger one would be rejected by the pipeline, so the publisher does not take it.</summary>
public static class EventLimits
{
    /// <summary>UTF-8 bytes of a name or id: source, tenant, model, request_id, route, …</summary>
    public const int MaxStringBytes = 512;

    public const int MaxTags = 64;

    /// <summary>UTF-8 bytes of a tag's name, and of its value.</summary>
    public const int MaxTagBytes = 1024;

    /// <summary>Of each token count.</summary>
    public const long MaxTokens = 10_000_000_000;

    /// <summary>2020-01-01T00:00:00Z in Unix microseconds.</summary>
    public const long MinTimeMicros = 1_577_836_800_000_000;

    /// <summary>One hour: how far an event's time may be ahead of the clock.</summary>
    public const long MaxAheadMicros = 3_600_000_000;
}
