namespace Metering.Streamiz.Clients;

/// <summary>How long Streamiz's polls may block.</summary>
internal static class Polls
{
    /// <summary>Streamiz 1.8.2 computes the next wait of a poll as 1000 / (2 ln(ms left) + 1): seconds, or a negative time,
    /// when less than a millisecond is left, while records wait for their commit.</summary>
    public static TimeSpan Clamp(TimeSpan timeout, TimeSpan longest) =>
        timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout > longest ? longest : timeout;
}
