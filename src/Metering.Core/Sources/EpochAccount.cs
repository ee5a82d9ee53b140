namespace Metering.Core.Sources;

/// <summary>
/// What was taken of one epoch of one source. Invariants, whatever came (the tests hold them):
/// received = metered + rejected + duplicate, and published = metered + rejected + lost, where published counts the
/// distinct events that the sequences tell of.
/// </summary>
public sealed class EpochAccount(byte[] source, long epoch)
{
    /// <summary>UTF-8.</summary>
    public byte[] Source { get; } = source;

    public long Epoch { get; } = epoch;

    public SequenceSet Sequences { get; } = new();

    /// <summary>Events that bear this source and epoch, duplicates included.</summary>
    public long Received { get; private set; }

    public long Metered { get; private set; }

    /// <summary>Decoded, then refused: it went to the dead letters. Those too old to tell included.</summary>
    public long Rejected { get; private set; }

    public long Duplicate { get; private set; }

    /// <summary>Refused because nothing was remembered of their sequence.</summary>
    public long TooOldToTell { get; private set; }

    /// <summary>Distinct events without a sequence (R7).</summary>
    public long Unnumbered { get; private set; }

    /// <summary>Sums over the metered events.</summary>
    public Int128 InputTokens { get; private set; }

    public Int128 OutputTokens { get; private set; }

    /// <summary>The last event's LogAppendTime, Unix ms.</summary>
    public long LastArrivalMs { get; private set; }

    /// <summary>The most that a metered event's own time was ahead of its arrival since <see cref="Reported"/>, in ms: above 0, the
    /// source's clock is ahead of the broker's by at least that. Null without an event. Not state: it is not saved.</summary>
    public long? MaxAheadMs { get; private set; }

    /// <summary>Too old to tell, and more than were missing where nothing is remembered: repetitions for the most part,
    /// but none can be proven one, so each counts as an event that has no place in the sequence.</summary>
    public long Unplaced => Math.Max(0, TooOldToTell - Sequences.ForgottenMissing);

    /// <summary>Distinct events known of: numbered up to the highest, the unnumbered, and the unplaced.</summary>
    public long Published => Sequences.Highest + Unnumbered + Unplaced;

    /// <summary>Known of, never taken. An event too old to tell takes the place of one whose gap was forgotten, never of
    /// one that an open gap still proves missing.</summary>
    public long Lost => Sequences.Missing - Math.Min(TooOldToTell, Sequences.ForgottenMissing);

    public void AddDuplicate(long arrivedAtMs)
    {
        Duplicate++;
        AddReceived(arrivedAtMs);
    }

    public void AddRejected(long arrivedAtMs, bool numbered)
    {
        Rejected++;
        Unnumbered += numbered ? 0 : 1;
        AddReceived(arrivedAtMs);
    }

    public void AddTooOldToTell(long arrivedAtMs)
    {
        Rejected++;
        TooOldToTell++;
        AddReceived(arrivedAtMs);
    }

    public void AddMetered(long arrivedAtMs, bool numbered, long inputTokens, long outputTokens)
    {
        Metered++;
        Unnumbered += numbered ? 0 : 1;
        InputTokens += inputTokens;
        OutputTokens += outputTokens;
        AddReceived(arrivedAtMs);
    }

    public void ObserveClock(long eventTimeMicros, long arrivedAtMs)
    {
        var aheadMs = (eventTimeMicros / 1000) - arrivedAtMs;
        if (MaxAheadMs is not { } most || aheadMs > most)
            MaxAheadMs = aheadMs;
    }

    /// <summary>What is measured from one report to the next begins anew.</summary>
    public void Reported() => MaxAheadMs = null;

    /// <summary>Takes saved counters for its own; the sequences restore themselves.</summary>
    public void Restore(in EpochCounters counters)
    {
        Received = counters.Received;
        Metered = counters.Metered;
        Rejected = counters.Rejected;
        Duplicate = counters.Duplicate;
        TooOldToTell = counters.TooOldToTell;
        Unnumbered = counters.Unnumbered;
        InputTokens = counters.InputTokens;
        OutputTokens = counters.OutputTokens;
        LastArrivalMs = counters.LastArrivalMs;
    }

    private void AddReceived(long arrivedAtMs)
    {
        Received++;
        LastArrivalMs = Math.Max(LastArrivalMs, arrivedAtMs);
    }
}

/// <summary>An account's counters, as they are saved.</summary>
public readonly record struct EpochCounters(
    long Received, long Metered, long Rejected, long Duplicate, long TooOldToTell, long Unnumbered,
    Int128 InputTokens, Int128 OutputTokens, long LastArrivalMs);
