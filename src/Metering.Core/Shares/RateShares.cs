namespace Metering.Core.Shares;

/// <summary>
/// Divides a throttle's rate among the gateways of its scope, in millionths, by what comes to each: the sum is never above the
/// whole, wherever the traffic goes. A gateway that is not named has the share of <see cref="Others"/>, which is none: it says
/// that it has traffic, and is named with the next commit.
/// </summary>
public static class RateShares
{
    /// <summary>All of the rate.</summary>
    public const long Whole = 1_000_000;

    /// <summary>Stands in the map for every gateway that it does not name. A map without it divides nothing.</summary>
    public const string Others = "*";

    /// <summary>A share that is nearer to its target stays as it is: each change is a record for all gateways.</summary>
    private const long SmallestChange = Whole / 50;

    /// <summary>The shares from now on; <paramref name="before"/> itself when they stay.</summary>
    /// <param name="before">As they were published last; empty = the rate was not divided yet.</param>
    /// <param name="isTick">False: only to name who has come. Shares follow the traffic at ticks.</param>
    public static IDictionary<string, long> Divide(GatewayLevels levels, IDictionary<string, long> before, bool isTick)
    {
        foreach (var level in levels.All)
        {
            if (!level.IsHeard)
                return before; // named by a governor before this one: until it has spoken, or is gone, nothing is known of it
        }
        var targets = Targets(levels);
        return IsToChange(targets, before, isTick) ? targets : before;
    }

    /// <summary>A gateway's share of a decision; the whole where the rate is not divided.</summary>
    public static long Of(IDictionary<string, long> shares, string gateway) =>
        shares.TryGetValue(gateway, out var share) || shares.TryGetValue(Others, out share) ? Math.Clamp(share, 0, Whole) : Whole;

    private static Dictionary<string, long> Targets(GatewayLevels levels)
    {
        var targets = new Dictionary<string, long>(StringComparer.Ordinal) { [Others] = 0 };
        Int128 sum = 0;
        foreach (var level in levels.All)
            sum += level.Demand;
        foreach (var level in levels.All)
        {
            // Nobody asks: what is left of their requests under way is paid for evenly. Rounded down, so the sum fits.
            var share = sum == 0 ? Whole / levels.All.Count : (long)(level.Demand * (Int128)Whole / sum);
            if (share > 0)
                targets.Add(level.Gateway, share);
        }
        return targets;
    }

    private static bool IsToChange(Dictionary<string, long> targets, IDictionary<string, long> before, bool isTick)
    {
        if (!before.ContainsKey(Others))
            return true;
        foreach (var (gateway, share) in targets)
        {
            if (!before.TryGetValue(gateway, out var had))
                return true; // who has come waits for it
            if (isTick && Math.Abs(share - had) >= Math.Max(SmallestChange, had / 10))
                return true;
        }
        return isTick && targets.Count < before.Count;
    }
}
