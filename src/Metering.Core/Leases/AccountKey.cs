using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Leases;

/// <summary>Names a hard account (R23, R30): its policies may be renamed and edited, and nothing of it is reset.</summary>
/// <param name="Scope">As it is the key of its topics.</param>
/// <param name="Unit">What is counted: tokens, input_tokens, output_tokens, usd (in pico-USD) or requests.</param>
/// <param name="TimeZone">IANA name of where windows of a day and longer begin; null = UTC.</param>
public readonly record struct AccountKey(string Scope, LimitUnit Unit, LimitPeriod Per, string? TimeZone = null)
{
    /// <exception cref="TimeZoneNotFoundException">The machine does not know the zone.</exception>
    internal TimeZoneInfo Zone => TimeZone is null ? TimeZoneInfo.Utc : TimeZoneInfo.FindSystemTimeZoneById(TimeZone);
}
