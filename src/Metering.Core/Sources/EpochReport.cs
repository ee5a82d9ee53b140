namespace Metering.Core.Sources;

/// <summary>What an epoch's publisher says of itself: its newest SourceReport (R6). It never moves a watermark.</summary>
/// <param name="Source">UTF-8.</param>
/// <param name="ArrivedAtMs">The report's LogAppendTime, Unix ms.</param>
/// <param name="LastSequence">The highest sequence accepted by the publisher.</param>
/// <param name="SettledSequence">Up to this one all are acknowledged by the broker, or given up by the publisher (expired, or unreadable
/// in its spool): none of them is still to come.</param>
/// <param name="InputTokens">Sum over the accepted events.</param>
public sealed record EpochReport(
    byte[] Source, long Epoch, long ArrivedAtMs, long LastSequence, long SettledSequence, long InputTokens, long OutputTokens, bool IsClosed)
{
    /// <summary>Sequences above are refused in events too.</summary>
    public const long MaxSequence = 1L << 56;

    /// <summary>What cannot be true of any epoch; null when nothing.</summary>
    public string? Fault => this switch
    {
        { Source.Length: 0 } => "source is empty",
        { Epoch: < 0 } => $"epoch is {Epoch}; 0 or above is allowed",
        { LastSequence: < 0 or > MaxSequence } => $"last_sequence is {LastSequence}; 0 to {MaxSequence} are allowed",
        _ when SettledSequence < 0 || SettledSequence > LastSequence => $"acknowledged_sequence is {SettledSequence}; 0 to last_sequence ({LastSequence}) are allowed",
        _ when InputTokens < 0 || OutputTokens < 0 => $"input_tokens {InputTokens} and output_tokens {OutputTokens}: below 0",
        _ => null,
    };
}
