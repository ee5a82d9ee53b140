using Metering.Core.Windows;

namespace Metering.Core.Policies;

/// <summary>Units and periods as files of policies, decisions and requests for leases name them.</summary>
public static class LimitNames
{
    private static readonly string[] Units = ["tokens", "input_tokens", "output_tokens", "usd", "requests", "concurrent"];

    private static readonly string[] Periods = ["second", "minute", "hour", "day", "week", "month", "none"];

    public static string NameOf(this LimitUnit unit) => Units[(int)unit];

    public static string NameOf(this LimitPeriod per) => Periods[(int)per];

    /// <summary>False for a unit or a period that no hard account has.</summary>
    public static bool TryHard(string? unitName, string? perName, out LimitUnit unit, out LimitPeriod per)
    {
        (unit, per) = ((LimitUnit)Array.IndexOf(Units, unitName), (LimitPeriod)Array.IndexOf(Periods, perName));
        return unit is >= LimitUnit.Tokens and < LimitUnit.Concurrent && per is >= LimitPeriod.Second and < LimitPeriod.None;
    }
}
