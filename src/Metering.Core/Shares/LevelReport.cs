using Metering.Core.Policies;

namespace Metering.Core.Shares;

/// <summary>
/// What one gateway instance has of a scope whose soft limit all gateways keep together: a throttle's rate, or requests under
/// way. It states levels and is repeated while there is something to say: losing, doubling or reordering it does no harm (R25).
/// </summary>
/// <param name="Unit"><see cref="LimitUnit.Tokens"/>: of a throttle; <see cref="LimitUnit.Concurrent"/>: of requests under way.</param>
/// <param name="Gateway">The instance, random per process start.</param>
/// <param name="Number">Grows with each that this instance sends.</param>
/// <param name="Demand">What it would let go if nothing held it: tokens per second, or requests at one moment.</param>
/// <param name="UnderWay">Requests under way; 0 of a throttle.</param>
/// <param name="Knows">The greatest version of the scope's decisions that it acts by.</param>
public sealed record LevelReport(string Scope, LimitUnit Unit, string Gateway, long Number, long Demand, long UnderWay, long Knows);
