namespace Metering.Core.Sources;

/// <summary>
/// What was taken of one epoch of one source. Invariants, whatever came (the tests hold them):
/// received = metered + rejected + duplicate, and published = metered + rejected + missing, where published counts the
/// distinct events that the sequences tell of. What follows from other counters is not kept: with its place in
/// <see cref="SourceTable"/> an account takes at most 120 bytes, beside its source's bytes; what few have
/// (<see cref="RareState"/>) comes on top of it.
/// </summary>
public sealed class EpochAccount(byte[] source, long epoch) : SequenceSet
{
    private const long NoEvent = long.MinValue;

    private ulong _inputTokens, _outputTokens;
    private long _maxAheadMs = NoEvent;

    /// <summary>UTF-8.</summary>
    public byte[] Source { get; } = source;

    public long Epoch { get; } = epoch;

    public SequenceSet Sequences => this;

    /// <summary>Events that bear this source and epoch, duplicates included.</summary>
    public long Received => Metered + Rejected + Duplicate;

    public long Metered { get; private set; }

    /// <summary>Decoded, then refused: it went to the dead letters. Those too old to tell included.</summary>
    public long Rejected { get; private set; }

    public long Duplicate { get; private set; }

    /// <summary>Refused because nothing was remembered of their sequence.</summary>
    public long TooOldToTell => _rare?.TooOldToTell ?? 0;

    /// <summary>Distinct events without a sequence (R7): those that were taken and have no place below the highest.</summary>
    public long Unnumbered => Metered + Rejected - TooOldToTell - (Highest - Missing);

    /// <summary>Sums over the metered events.</summary>
    public Int128 InputTokens => new(_rare?.InputTokensHigh ?? 0, _inputTokens);

    public Int128 OutputTokens => new(_rare?.OutputTokensHigh ?? 0, _outputTokens);

    /// <summary>The last event's LogAppendTime, Unix ms.</summary>
    public long LastArrivalMs { get; private set; }

    /// <summary>The most that a metered event's own time was ahead of its arrival since <see cref="Reported"/>, in ms: above 0, the
    /// source's clock is ahead of the broker's by at least that. Null without an event. Not state: it is not saved.</summary>
    public long? MaxAheadMs => _maxAheadMs == NoEvent ? null : _maxAheadMs;

    /// <summary>Too old to tell, and more than were missing where nothing is remembered: repetitions for the most part,
    /// but none can be proven one, so each counts as an event that has no place in the sequence.</summary>
    public long Unplaced => Math.Max(0, TooOldToTell - ForgottenMissing);

    /// <summary>Distinct events known of: numbered up to the highest, the unnumbered, and the unplaced.</summary>
    public long Published => Highest + Unnumbered + Unplaced;

    /// <summary>Known of, never taken: on its way still, or lost (<see cref="LossFigures"/>). An event too old to tell takes the place of
    /// one whose gap was forgotten, never of one that an open gap still proves missing.</summary>
    public long MissingEvents => Missing - Math.Min(TooOldToTell, ForgottenMissing);

    /// <summary>The next account of its place in the table.</summary>
    internal EpochAccount? Next { get; set; }

    public void AddDuplicate(long arrivedAtMs)
    {
        Duplicate++;
        SetArrival(arrivedAtMs);
    }

    /// <summary>An event that was taken: without a sequence, or its sequence is new or has filled a gap.</summary>
    public void AddRejected(long arrivedAtMs)
    {
        Rejected++;
        SetArrival(arrivedAtMs);
    }

    public void AddTooOldToTell(long arrivedAtMs)
    {
        Rejected++;
        (_rare ??= new()).TooOldToTell++;
        SetArrival(arrivedAtMs);
    }

    /// <summary>As <see cref="AddRejected"/>; the tokens are 0 or above.</summary>
    public void AddMetered(long arrivedAtMs, long inputTokens, long outputTokens)
    {
        Metered++;
        _inputTokens += (ulong)inputTokens;
        if (_inputTokens < (ulong)inputTokens)
            (_rare ??= new()).InputTokensHigh++;
        _outputTokens += (ulong)outputTokens;
        if (_outputTokens < (ulong)outputTokens)
            (_rare ??= new()).OutputTokensHigh++;
        SetArrival(arrivedAtMs);
    }

    public void ObserveClock(long eventTimeMicros, long arrivedAtMs) =>
        _maxAheadMs = Math.Max(_maxAheadMs, (eventTimeMicros / 1000) - arrivedAtMs);

    /// <summary>What is measured from one report to the next begins anew.</summary>
    public void Reported() => _maxAheadMs = NoEvent;

    /// <summary>Takes saved counters for its own; the sequences have restored themselves before.</summary>
    /// <exception cref="ArgumentException">They do not add up, or not with the sequences.</exception>
    public void Restore(in EpochCounters counters)
    {
        (Metered, Rejected, Duplicate, LastArrivalMs) = (counters.Metered, counters.Rejected, counters.Duplicate, counters.LastArrivalMs);
        var (input, output) = ((UInt128)counters.InputTokens, (UInt128)counters.OutputTokens);
        (_inputTokens, _outputTokens) = ((ulong)input, (ulong)output);
        if (_rare is not null || counters.TooOldToTell != 0 || ((input | output) >> 64) != 0)
        {
            var rare = _rare ??= new();
            (rare.TooOldToTell, rare.InputTokensHigh, rare.OutputTokensHigh) = (counters.TooOldToTell, (ulong)(input >> 64), (ulong)(output >> 64));
        }
        if (Received != counters.Received || Unnumbered != counters.Unnumbered)
        {
            throw new ArgumentException(
                $"received {counters.Received} is not metered {Metered} + rejected {Rejected} + duplicate {Duplicate}, or unnumbered is not {Unnumbered} but {counters.Unnumbered}", nameof(counters));
        }
    }

    private void SetArrival(long arrivedAtMs) => LastArrivalMs = Math.Max(LastArrivalMs, arrivedAtMs);
}

/// <summary>An account's counters, as they are saved.</summary>
public readonly record struct EpochCounters(
    long Received, long Metered, long Rejected, long Duplicate, long TooOldToTell, long Unnumbered,
    Int128 InputTokens, Int128 OutputTokens, long LastArrivalMs);
