namespace Metering.Core.Sources;

/// <summary>What is saved of an <see cref="EpochLoss"/>. A takeover that restores it tells nothing twice.</summary>
/// <param name="JudgedUpTo">What is missing at or below this sequence is lost.</param>
/// <param name="CheckAtMs">When the open checkpoint was made, by the time of the partition's log.</param>
/// <param name="CheckSeen">The highest sequence then; 0 = no checkpoint is open.</param>
/// <param name="ToldLost">Lost events as of the last look: more of them is news.</param>
/// <param name="ToldFault">What was told of the source's report and is not over.</param>
/// <param name="ToldBehind">By how many events the report was behind.</param>
public readonly record struct LossState(long JudgedUpTo, long CheckAtMs, long CheckSeen, long ToldLost, ReportFault ToldFault, long ToldBehind);

/// <summary>What a look at an epoch has found that is to be told.</summary>
public readonly record struct LossNews(FindingNews Lost, ReportNews Report);

public enum FindingNews
{
    None,

    /// <summary>It begins, or has grown.</summary>
    Firing,

    /// <summary>It is over.</summary>
    Resolved,
}

/// <summary>Both when one finding takes another's place.</summary>
public readonly record struct ReportNews(ReportFault Firing, ReportFault Resolved);

/// <summary>How a source's newest report contradicts what was metered of it.</summary>
public enum ReportFault
{
    None,

    /// <summary>It knows of fewer events.</summary>
    FewerEvents,

    /// <summary>Of the same events it says fewer tokens.</summary>
    FewerTokens,

    /// <summary>Of the same events it says more tokens, and no fewer.</summary>
    MoreTokens,
}
