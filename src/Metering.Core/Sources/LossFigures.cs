namespace Metering.Core.Sources;

/// <summary>An account's events by what became of them: published = metered + rejected + in flight + lost.</summary>
/// <param name="Published">Distinct events known of, those that only a report tells of included once they are lost.</param>
/// <param name="InFlight">Missing for less than the grace time: a later event has come, this one may still.</param>
/// <param name="Lost">Missing for longer, or its gap was forgotten, so that it can no longer be metered.</param>
public readonly record struct LossFigures(long Published, long InFlight, long Lost)
{
    /// <param name="judgedUpTo">What is missing at or below this sequence is lost.</param>
    public static LossFigures Of(EpochAccount account, long judgedUpTo)
    {
        var overdue = MissingUpTo(account.Sequences.Gaps, judgedUpTo);
        var inGaps = account.Sequences.Missing - account.Sequences.ForgottenMissing;
        var tail = Math.Max(0, judgedUpTo - account.Sequences.Highest);
        return new LossFigures(account.Published + tail, inGaps - overdue, account.MissingEvents - inGaps + overdue + tail);
    }

    private static long MissingUpTo(ReadOnlySpan<SequenceGap> gaps, long sequence)
    {
        var missing = 0L;
        foreach (var gap in gaps)
        {
            if (gap.First > sequence)
                break;
            missing += Math.Min(gap.Last, sequence) - gap.First + 1;
        }
        return missing;
    }
}
