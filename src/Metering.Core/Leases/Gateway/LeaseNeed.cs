namespace Metering.Core.Leases.Gateway;

/// <summary>A request's worst case on one of its accounts (R28), in the account's unit, 0 or more.</summary>
public readonly record struct LeaseNeed(BookAccount Account, long Amount);

/// <summary>What became of an attempt to reserve.</summary>
public enum ReserveResult
{
    /// <summary>All of it, on all accounts.</summary>
    Reserved,

    /// <summary>There is too little in hand; nothing is held. It may wait, or ask for less.</summary>
    Short,

    /// <summary>The limit is used up for this window, as far as this need goes: waiting is in vain. It may ask for less.</summary>
    Refused,

    /// <summary>Control is lost, and a policy says that then nothing is let through.</summary>
    Closed,
}
