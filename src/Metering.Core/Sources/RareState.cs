namespace Metering.Core.Sources;

/// <summary>What few epochs have: made when it is first needed, for a fleet has many accounts that never do.</summary>
internal sealed class RareState
{
    public SequenceGap[] Gaps = [];
    public int GapCount;

    public long ForgottenUpTo;
    public long ForgottenMissing;
    public long Missing;
    public long TooOldToTell;

    /// <summary>What the sums of tokens are beyond 64 bits.</summary>
    public ulong InputTokensHigh, OutputTokensHigh;

    /// <summary>An account without it is the same.</summary>
    public bool IsEmpty => GapCount == 0 && (ForgottenUpTo | TooOldToTell) == 0 && (InputTokensHigh | OutputTokensHigh) == 0;
}
