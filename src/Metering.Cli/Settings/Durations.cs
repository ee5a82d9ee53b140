using System.Globalization;

namespace Metering.Cli.Settings;

/// <summary>Durations as people write them: <c>50ms</c>, <c>30s</c>, <c>5m</c>, <c>1h30m</c>, <c>7d</c>.</summary>
public static class Durations
{
    private static readonly (string Unit, long Milliseconds)[] Units =
        [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

    /// <summary>Whole numbers, each with its unit; zero alone needs none. At most 10,000 days.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan().Trim();
        if (rest is "0")
            return true;
        if (rest.IsEmpty)
            return false;
        var total = TimeSpan.Zero;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits is <= 0 or > 12)
                return false;
            var number = long.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[digits..];
            if (!TryTakeUnit(ref rest, out var unitMs) || number > 864_000_000_000L / unitMs)
                return false;
            total += TimeSpan.FromMilliseconds(number * unitMs);
        }
        duration = total;
        return total <= TimeSpan.FromDays(10_000);
    }

    /// <summary>The shortest way to write it that <see cref="TryParse"/> reads back.</summary>
    public static string Format(TimeSpan duration)
    {
        var leftMs = (long)duration.TotalMilliseconds;
        if (leftMs == 0)
            return "0s";
        var text = new System.Text.StringBuilder();
        foreach (var (unit, ms) in Units.OrderByDescending(u => u.Milliseconds))
        {
            if (leftMs / ms == 0)
                continue;
            text.Append(CultureInfo.InvariantCulture, $"{leftMs / ms}{unit}");
            leftMs %= ms;
        }
        return text.ToString();
    }

    private static bool TryTakeUnit(ref ReadOnlySpan<char> rest, out long unitMs)
    {
        // "ms" stands first in the table, so that it is not read as minutes.
        foreach (var (unit, ms) in Units)
        {
            if (!rest.StartsWith(unit, StringComparison.Ordinal))
                continue;
            rest = rest[unit.Length..];
            unitMs = ms;
            return true;
        }
        unitMs = 0;
        return false;
    }
}
