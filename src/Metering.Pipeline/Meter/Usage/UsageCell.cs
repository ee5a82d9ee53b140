using Metering.Core.Usage;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>What a cell sums up by: a kind of scope.</summary>
internal enum UsageKind
{
    All,
    Tenant,
    Model,
    Route,
    TenantModel,
    TenantRoute,
    ApiKey,
    Pool,

    /// <summary>One that a policy names; its number is that of its whole name.</summary>
    Named,
}

/// <summary>The seconds that an event counts in, and whether leases paid for it.</summary>
internal readonly record struct UsageTime(uint Second, uint RateSecond, bool Leased);

/// <summary>A scope, by its kind and the numbers of its one or two names (0 = none), and a time; packed.</summary>
internal readonly record struct UsageKey
{
    private const int NumberBits = 29;
    private const ulong NumberMask = (1UL << NumberBits) - 1;
    private const ulong LeasedBit = 1UL << 63;

    private readonly ulong _names;
    private readonly ulong _seconds;

    public UsageKey(UsageKind kind, int first, int second, UsageTime time)
    {
        _names = ((ulong)kind << (2 * NumberBits)) | ((ulong)first << NumberBits) | (uint)second | (time.Leased ? LeasedBit : 0);
        _seconds = ((ulong)time.Second << 32) | time.RateSecond;
    }

    public UsageKind Kind => (UsageKind)((_names >> (2 * NumberBits)) & 31);

    public int First => (int)((_names >> NumberBits) & NumberMask);

    public int Second => (int)(_names & NumberMask);

    public UsageTime Time => new((uint)(_seconds >> 32), (uint)_seconds, (_names & LeasedBit) != 0);

    /// <summary>Without the time: the same for all keys of one scope.</summary>
    public ulong Scope => _names & ~LeasedBit;

    public uint Hash()
    {
        var upper = Math.BigMul(_names ^ 0x9E3779B97F4A7C15, _seconds ^ 0xD6E8FEB86659FD93, out var lower);
        var mixed = upper ^ lower;
        return (uint)(mixed ^ (mixed >> 32));
    }
}

/// <summary>Its sums are added to in place.</summary>
internal struct UsageCell(UsageKey key, UsageSums sums)
{
    public readonly UsageKey Key = key;

    public UsageSums Sums = sums;
}
