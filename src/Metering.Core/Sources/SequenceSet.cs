namespace Metering.Core.Sources;

/// <summary>
/// Exactly which sequences of one epoch have been taken, in O(1) memory: all up to the highest, but for the open gaps.
/// Deduplication and loss detection are the same structure (R3). What comes in order costs one comparison.
/// Open gaps are bounded; when there are too many the oldest is forgotten, and what is at or below it can no longer be
/// told apart: its verdict is <see cref="SequenceVerdict.TooOldToTell"/>, never a guess.
/// </summary>
public sealed class SequenceSet
{
    /// <summary>Open gaps kept per epoch. A publisher within its window of 4,096 in flight, every second one late,
    /// makes at most 2,048.</summary>
    public const int MaxGaps = 2048;

    private SequenceGap[] _gaps = [];
    private int _gapCount;

    /// <summary>The highest sequence taken; 0 = none.</summary>
    public long Highest { get; private set; }

    /// <summary>At or below this nothing is remembered one by one; 0 = all is remembered.</summary>
    public long ForgottenUpTo { get; private set; }

    /// <summary>Sequences that had not come when their gap was forgotten.</summary>
    public long ForgottenMissing { get; private set; }

    /// <summary>Sequences at or below the highest that have not come, the forgotten ones included.</summary>
    public long Missing { get; private set; }

    /// <summary>The open gaps, ascending.</summary>
    public ReadOnlySpan<SequenceGap> Gaps => _gaps.AsSpan(0, _gapCount);

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
        if (gaps.Length > _gaps.Length)
            _gaps = gaps.ToArray();
        else
            gaps.CopyTo(_gaps);
        _gapCount = gaps.Length;
        (Highest, ForgottenUpTo, ForgottenMissing, Missing) = (highest, forgottenUpTo, forgottenMissing, missing);
    }

    private SequenceVerdict Jump(long sequence)
    {
        var gap = new SequenceGap(Highest + 1, sequence - 1);
        Insert(_gapCount, gap);
        Missing += gap.Count;
        Highest = sequence;
        ForgetOldest();
        return SequenceVerdict.New;
    }

    private SequenceVerdict Look(long sequence)
    {
        if (sequence <= ForgottenUpTo)
            return SequenceVerdict.TooOldToTell;
        var index = FirstGapEndingAtOrAfter(sequence);
        if (index == _gapCount || _gaps[index].First > sequence)
            return SequenceVerdict.Duplicate;
        Fill(index, sequence);
        Missing--;
        return SequenceVerdict.FillsGap;
    }

    private void Fill(int index, long sequence)
    {
        var gap = _gaps[index];
        if (gap.Count == 1)
        {
            _gaps.AsSpan(index + 1, _gapCount - index - 1).CopyTo(_gaps.AsSpan(index));
            _gapCount--;
        }
        else if (sequence == gap.First)
        {
            _gaps[index] = gap with { First = sequence + 1 };
        }
        else if (sequence == gap.Last)
        {
            _gaps[index] = gap with { Last = sequence - 1 };
        }
        else
        {
            _gaps[index] = gap with { Last = sequence - 1 };
            Insert(index + 1, gap with { First = sequence + 1 });
            ForgetOldest();
        }
    }

    private int FirstGapEndingAtOrAfter(long sequence)
    {
        int low = 0, high = _gapCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_gaps[middle].Last < sequence)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private void Insert(int index, SequenceGap gap)
    {
        if (_gapCount == _gaps.Length)
            Array.Resize(ref _gaps, Math.Max(4, _gaps.Length * 2));
        _gaps.AsSpan(index, _gapCount - index).CopyTo(_gaps.AsSpan(index + 1));
        _gaps[index] = gap;
        _gapCount++;
    }

    private void ForgetOldest()
    {
        if (_gapCount <= MaxGaps)
            return;
        ForgottenUpTo = _gaps[0].Last;
        ForgottenMissing += _gaps[0].Count;
        _gaps.AsSpan(1, _gapCount - 1).CopyTo(_gaps);
        _gapCount--;
    }
}
