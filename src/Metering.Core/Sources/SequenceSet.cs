namespace Metering.Core.Sources;

/// <summary>
/// Exactly which sequences of one epoch have been taken, in O(1) memory: all up to the highest, but for the open gaps.
/// Deduplication and loss detection are the same structure (R3). What comes in order costs one comparison.
/// Open gaps are bounded; when there are too many the oldest is forgotten, and what is at or below it can no longer be
/// told apart: its verdict is <see cref="SequenceVerdict.TooOldToTell"/>, never a guess.
/// An account is its epoch's set, by inheritance: one object, not two, for each of a fleet's many epochs.
/// </summary>
public class SequenceSet
{
    /// <summary>Open gaps kept per epoch. A publisher within its window of 4,096 in flight, every second one late,
    /// makes at most 2,048.</summary>
    public const int MaxGaps = 2048;

    private protected RareState? _rare;

    /// <summary>The highest sequence taken; 0 = none.</summary>
    public long Highest { get; private set; }

    /// <summary>At or below this nothing is remembered one by one; 0 = all is remembered.</summary>
    public long ForgottenUpTo => _rare?.ForgottenUpTo ?? 0;

    /// <summary>Sequences that had not come when their gap was forgotten.</summary>
    public long ForgottenMissing => _rare?.ForgottenMissing ?? 0;

    /// <summary>Sequences at or below the highest that have not come, the forgotten ones included.</summary>
    public long Missing => _rare?.Missing ?? 0;

    /// <summary>The open gaps, ascending.</summary>
    public ReadOnlySpan<SequenceGap> Gaps => _rare is { } rare ? rare.Gaps.AsSpan(0, rare.GapCount) : [];

    /// <summary>Takes a sequence and says what it is. Duplicate and TooOldToTell change nothing.</summary>
    /// <param name="sequence">1 or above.</param>
    public SequenceVerdict Take(long sequence)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequence, 1);
        if (sequence == Highest + 1)
        {
            Highest = sequence;
            return SequenceVerdict.New;
        }
        return sequence > Highest ? Jump(sequence) : Look(sequence);
    }

    /// <summary>Becomes what was saved, whatever it was.</summary>
    /// <exception cref="ArgumentException">The gaps overlap, are out of order or out of range; nothing has changed.</exception>
    public void Restore(long highest, long forgottenUpTo, long forgottenMissing, ReadOnlySpan<SequenceGap> gaps)
    {
        var (below, missing) = (forgottenUpTo, forgottenMissing);
        foreach (var gap in gaps)
        {
            if (gap.First <= below || gap.Last < gap.First || gap.Last >= highest)
                throw new ArgumentException($"gap {gap.First}–{gap.Last} does not fit: above {below}, below {highest}", nameof(gaps));
            below = gap.Last;
            missing += gap.Count;
        }
        Highest = highest;
        if (_rare is null && (missing | forgottenUpTo) == 0)
            return;
        var rare = _rare ??= new();
        if (gaps.Length > rare.Gaps.Length)
            rare.Gaps = gaps.ToArray();
        else
            gaps.CopyTo(rare.Gaps);
        (rare.GapCount, rare.ForgottenUpTo, rare.ForgottenMissing, rare.Missing) = (gaps.Length, forgottenUpTo, forgottenMissing, missing);
    }

    /// <summary>Gives back the room of gaps that have closed. For epochs that are idle: a source whose events come out of order
    /// opens and closes gaps all the time, and must not allocate for it.</summary>
    public void Trim()
    {
        if (_rare is not { } rare)
            return;
        if (rare.IsEmpty)
            _rare = null;
        else if (rare.GapCount < rare.Gaps.Length)
            rare.Gaps = Gaps.ToArray();
    }

    private SequenceVerdict Jump(long sequence)
    {
        var gap = new SequenceGap(Highest + 1, sequence - 1);
        var rare = _rare ??= new();
        Insert(rare, rare.GapCount, gap);
        rare.Missing += gap.Count;
        Highest = sequence;
        ForgetOldest(rare);
        return SequenceVerdict.New;
    }

    private SequenceVerdict Look(long sequence)
    {
        if (_rare is not { } rare)
            return SequenceVerdict.Duplicate;
        if (sequence <= rare.ForgottenUpTo)
            return SequenceVerdict.TooOldToTell;
        var index = FirstGapEndingAtOrAfter(rare, sequence);
        if (index == rare.GapCount || rare.Gaps[index].First > sequence)
            return SequenceVerdict.Duplicate;
        Fill(rare, index, sequence);
        rare.Missing--;
        return SequenceVerdict.FillsGap;
    }

    private static void Fill(RareState rare, int index, long sequence)
    {
        var gap = rare.Gaps[index];
        if (gap.Count == 1)
        {
            rare.Gaps.AsSpan(index + 1, rare.GapCount - index - 1).CopyTo(rare.Gaps.AsSpan(index));
            rare.GapCount--;
        }
        else if (sequence == gap.First)
        {
            rare.Gaps[index] = gap with { First = sequence + 1 };
        }
        else if (sequence == gap.Last)
        {
            rare.Gaps[index] = gap with { Last = sequence - 1 };
        }
        else
        {
            rare.Gaps[index] = gap with { Last = sequence - 1 };
            Insert(rare, index + 1, gap with { First = sequence + 1 });
            ForgetOldest(rare);
        }
    }

    private static int FirstGapEndingAtOrAfter(RareState rare, long sequence)
    {
        int low = 0, high = rare.GapCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (rare.Gaps[middle].Last < sequence)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private static void Insert(RareState rare, int index, SequenceGap gap)
    {
        if (rare.GapCount == rare.Gaps.Length)
            Array.Resize(ref rare.Gaps, Math.Max(4, rare.Gaps.Length * 2));
        rare.Gaps.AsSpan(index, rare.GapCount - index).CopyTo(rare.Gaps.AsSpan(index + 1));
        rare.Gaps[index] = gap;
        rare.GapCount++;
    }

    private static void ForgetOldest(RareState rare)
    {
        if (rare.GapCount <= MaxGaps)
            return;
        rare.ForgottenUpTo = rare.Gaps[0].Last;
        rare.ForgottenMissing += rare.Gaps[0].Count;
        rare.Gaps.AsSpan(1, rare.GapCount - 1).CopyTo(rare.Gaps);
        rare.GapCount--;
    }
}
