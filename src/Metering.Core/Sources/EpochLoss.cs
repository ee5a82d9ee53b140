namespace Metering.Core.Sources;

/// <summary>
/// Which of an epoch's missing events are lost, and what was told of it. No time is kept per gap: at a checkpoint the
/// highest sequence is noted, and what is missing at or below it a grace time later has been missing for longer. What
/// the source says that the broker has, and no later event shows to be missing, is lost a grace time after the report.
/// Without open gaps, and while the source's reports keep up, an epoch needs none of this.
/// </summary>
public sealed class EpochLoss(EpochAccount account)
{
    private SequenceSet Sequences => Account.Sequences;

    public EpochAccount Account { get; } = account;

    /// <summary>The source's newest report; not state.</summary>
    public EpochReport? Report { get; set; }

    /// <summary>What is saved.</summary>
    public LossState State { get; private set; }

    public LossFigures Figures => LossFigures.Of(Account, State.JudgedUpTo);

    /// <summary>When there may be something new to judge by the partition's time, if nothing comes until then.</summary>
    public long DueAtMs(long graceMs) =>
        Math.Min(State.CheckSeen > 0 ? State.CheckAtMs + graceMs : long.MaxValue, HasTail && !HasOpenGap ? Report!.ArrivedAtMs + graceMs : long.MaxValue);

    /// <summary>True when nothing needs to be remembered.</summary>
    public bool IsOver => State == default && !NeedsCheck && !HasTail && Figures.Lost == 0;

    /// <summary>True when an epoch without a <see cref="EpochLoss"/> needs one.</summary>
    public static bool IsNeeded(EpochAccount account, EpochReport? report) => !new EpochLoss(account) { Report = report }.IsOver;

    public void Restore(in LossState state) => State = state;

    /// <summary>Judges by the time of the partition's log, and says what is to be told.</summary>
    public LossNews Judge(long nowMs, long graceMs)
    {
        var isMature = false;
        if (State.CheckSeen > 0)
        {
            // A clock that was set back: the grace time begins anew.
            State = State with { CheckAtMs = Math.Min(State.CheckAtMs, nowMs) };
            isMature = nowMs - State.CheckAtMs >= graceMs;
        }
        var seen = State.CheckSeen;
        if (isMature)
            State = State with { JudgedUpTo = Math.Max(State.JudgedUpTo, seen), CheckSeen = 0, CheckAtMs = 0 };
        JudgeTail(nowMs, graceMs);
        State = State with { JudgedUpTo = Lowest(State.JudgedUpTo) };
        var news = new LossNews(TellLost(), isMature ? TellReport(seen) : default);
        if (State.CheckSeen == 0 && NeedsCheck)
            State = State with { CheckSeen = Sequences.Highest, CheckAtMs = nowMs };
        return news;
    }

    private bool HasOpenGap => Sequences.Gaps is { Length: > 0 } gaps && gaps[^1].Last > State.JudgedUpTo;

    // An epoch of which nothing came, and which is closed by now, may have been metered and forgotten long ago (R2).
    private bool HasTail => Report is { } report && report.SettledSequence > Math.Max(Sequences.Highest, State.JudgedUpTo) && (Account.Received > 0 || !report.IsClosed);

    /// <summary>Of a source that lives the newest report is behind at every look: only what stays so for the grace time counts.</summary>
    private bool NeedsCheck => HasOpenGap || (Report is { } report && Compare(report, Sequences.Highest) != (State.ToldFault, State.ToldBehind));

    // R6: a report moves no watermark, and what it has made lost it may take back.
    private void JudgeTail(long nowMs, long graceMs)
    {
        if (Report is not { } report)
            return;
        if (State.JudgedUpTo > Sequences.Highest)
            State = State with { JudgedUpTo = Math.Max(Sequences.Highest, Math.Min(State.JudgedUpTo, report.SettledSequence)) };
        if (HasTail && !HasOpenGap && nowMs - report.ArrivedAtMs >= graceMs)
            State = State with { JudgedUpTo = report.SettledSequence };
    }

    /// <summary>The lowest sequence that says the same, so that the state tells nothing of when it was looked at.</summary>
    private long Lowest(long judgedUpTo)
    {
        if (judgedUpTo > Sequences.Highest)
            return judgedUpTo;
        var lowest = 0L;
        foreach (var gap in Sequences.Gaps)
        {
            if (gap.First > judgedUpTo)
                break;
            lowest = Math.Min(gap.Last, judgedUpTo);
        }
        return lowest;
    }

    private FindingNews TellLost()
    {
        var (lost, told) = (Figures.Lost, State.ToldLost);
        State = State with { ToldLost = lost };
        if (lost > told)
            return FindingNews.Firing;
        return lost == 0 && told > 0 ? FindingNews.Resolved : FindingNews.None;
    }

    private ReportNews TellReport(long seen)
    {
        if (Report is not { } report)
            return default;
        var (told, toldBehind) = (State.ToldFault, State.ToldBehind);
        var (fault, behind) = Compare(report, seen);
        State = State with { ToldFault = fault, ToldBehind = behind };
        return new ReportNews(
            fault != ReportFault.None && (fault != told || behind > toldBehind) ? fault : ReportFault.None,
            told != ReportFault.None && (fault == ReportFault.None || IsUnder(fault) != IsUnder(told)) ? told : ReportFault.None);
    }

    private static bool IsUnder(ReportFault fault) => fault is ReportFault.FewerEvents or ReportFault.FewerTokens;

    /// <param name="seen">The highest sequence that the report must know of.</param>
    private (ReportFault Fault, long Behind) Compare(EpochReport report, long seen)
    {
        if (report.LastSequence < seen)
            return (ReportFault.FewerEvents, seen - report.LastSequence);
        // Only when both have counted the same events can their tokens be compared.
        if (Account.Metered != report.LastSequence || Sequences.Highest != report.LastSequence || Account.Unnumbered > 0)
            return default;
        if (Account.InputTokens > report.InputTokens || Account.OutputTokens > report.OutputTokens)
            return (ReportFault.FewerTokens, 0);
        return (Account.InputTokens < report.InputTokens || Account.OutputTokens < report.OutputTokens ? ReportFault.MoreTokens : ReportFault.None, 0);
    }
}
