using Metering.Core.Policies;
using Metering.Core.Rates;
using Metering.Core.Shares;
using Metering.Core.Windows;

namespace Metering.Pipeline.Govern;

/// <summary>What GOVERN knows of one scope.</summary>
internal sealed class ScopeState(byte[] name, string text)
{
    /// <summary>UTF-8.</summary>
    public byte[] Name => name;

    public string Text => text;

    public ScopeRates Rates { get; } = new();

    /// <summary>What was used of soft limits, whichever policies they are of.</summary>
    public Dictionary<SoftAccountKey, SoftAccount> Accounts { get; } = [];

    /// <summary>The policies whose limit this scope has, and how far it is on each.</summary>
    public List<PolicyState> Policies { get; } = [];

    /// <summary>The gateways that its requests go through while it is throttled.</summary>
    public GatewayLevels Throttled { get; } = new();

    /// <summary>The gateways that have requests of it under way.</summary>
    public GatewayLevels UnderWay { get; } = new();

    /// <summary>The policies that limit its requests under way.</summary>
    public List<ConcurrentState> Concurrent { get; } = [];

    /// <summary>What <see cref="Policies"/> and <see cref="Concurrent"/> were made from.</summary>
    public PolicyMatcher? Matcher { get; set; }

    /// <summary>A hard limit is or was on it: its usage that no lease paid for is charged (R23).</summary>
    public bool IsHard { get; set; }

    /// <summary>Usage or a level came since the last commit.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Its last sample told of usage: the one that tells of none is still to come.</summary>
    public bool HasRate { get; set; }

    /// <summary>When within a second it is looked at, of <see cref="ScopeRounds"/>.</summary>
    public int Slice { get; set; }

    /// <summary>Forgotten.</summary>
    public bool IsGone { get; set; }

    /// <summary>Unix µs of its last usage or restore.</summary>
    public long SeenAtMicros { get; set; }
}

/// <summary>A soft account of a scope: what counts is how time is cut, whatever the unit (R30).</summary>
internal readonly record struct SoftAccountKey(LimitPeriod Per, bool Rolling, string TimeZone)
{
    public static SoftAccountKey Of(Policy policy) => new(policy.Per, policy.Rolling, policy.TimeZone ?? "");

    public SoftAccount Create() => new(Per, Rolling, TimeZone.Length == 0 ? TimeZoneInfo.Utc : TimeZoneInfo.FindSystemTimeZoneById(TimeZone));
}

/// <summary>How far a scope is on a policy's steps.</summary>
internal sealed class PolicyState(Policy policy, SoftAccount account)
{
    public Policy Policy => policy;

    public SoftAccount Account => account;

    /// <summary>Of the steps, how many are reached.</summary>
    public int Reached { get; set; }
}
