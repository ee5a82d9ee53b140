namespace Metering.Core.Leases.Governor;

/// <summary>A policy's hard limit on an account. It counts here from when it is known, so that gateways hold leases when it takes
/// effect (R30); of several, the smallest counts.</summary>
/// <param name="Amount">In the account's unit, 0 or more.</param>
/// <param name="SafeSharePpm">How many in a million of it are set aside for each gateway that uses the account.</param>
public readonly record struct HardLimit(string Policy, long Amount, int SafeSharePpm = 0);
