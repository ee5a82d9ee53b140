using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Cli.Replay;

/// <summary>How fast a trace is replayed, as a multiple of its own pace.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ReplaySpeed
{
    private ReplaySpeed(decimal? factor) => Factor = factor;

    /// <summary>As fast as it goes.</summary>
    public static ReplaySpeed Max { get; } = new(null);

    /// <summary>The trace's own pace.</summary>
    public static ReplaySpeed Real { get; } = new(1);

    /// <summary>Above 0, at most 1,000,000; null = as fast as it goes.</summary>
    public decimal? Factor { get; }

    /// <summary>Parses <c>max</c> or a decimal such as <c>0.5</c> or <c>100</c>.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static ReplaySpeed Parse(string text)
    {
        if (text.Equals("max", StringComparison.OrdinalIgnoreCase))
            return Max;
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var factor) && factor is > 0.000001m and <= 1_000_000
            ? new ReplaySpeed(factor)
            : throw new FormatException($"--speed is '{text}'; give a multiple of the trace's own pace such as 1, 0.5 or 100 (at most 1000000), or max");
    }

    /// <summary>How long after the start an event is due; never, for <see cref="Max"/>, later than at once.</summary>
    /// <param name="offsetMicros">After the trace's first event.</param>
    public TimeSpan DueAfter(long offsetMicros) =>
        Factor is { } factor && offsetMicros > 0
            ? TimeSpan.FromTicks((long)Math.Min((decimal)offsetMicros * TimeSpan.TicksPerMicrosecond / factor, TimeSpan.MaxValue.Ticks))
            : TimeSpan.Zero;
}
