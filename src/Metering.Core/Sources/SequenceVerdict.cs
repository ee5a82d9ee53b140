namespace Metering.Core.Sources;

/// <summary>What an account says of an event's sequence (R3).</summary>
public enum SequenceVerdict
{
    /// <summary>Never seen: above everything so far.</summary>
    New,

    /// <summary>Never seen: a late event that closes a recorded gap, or a part of it.</summary>
    FillsGap,

    /// <summary>Proven to have been taken before.</summary>
    Duplicate,

    /// <summary>Older than all that the account remembers: neither new nor duplicate can be proven.</summary>
    TooOldToTell,
}
