using Metering.Core.Policies;

namespace Metering.Core.Leases.Gateway;

/// <summary>What a gateway must know of an account beside its leases.</summary>
/// <param name="Partition">Of its scope in <c>control</c>: whose governor's heartbeats count.</param>
/// <param name="WhenControlIsLost">Of several policies on the account, the strictest one's.</param>
public readonly record struct AccountRules(int Partition, LostControl WhenControlIsLost = LostControl.Hold);
