using Metering.Core.Rates;
using Metering.Events;

namespace Metering.Pipeline.Govern;

/// <summary>A scope's rates as signals, a window each: the sums within it, and what they come to a second or an hour.</summary>
internal static class RateSignals
{
    public const string Usage = "usage";

    public static readonly TimeSpan TenSeconds = TimeSpan.FromSeconds(10), Minute = TimeSpan.FromSeconds(60), Hour = TimeSpan.FromHours(1);

    public static Signal Of(string scope, in RateSums sums, long nowMicros) => new()
    {
        Scope = scope,
        Kind = SignalKind.Rate,
        Name = Usage,
        AtMicros = nowMicros,
        WindowMs = sums.WindowMs,
        Figures = new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["requests"] = Bounded(sums.Requests),
            ["input_tokens"] = Bounded(sums.InputTokens),
            ["cached_input_tokens"] = Bounded(sums.CachedInputTokens),
            ["output_tokens"] = Bounded(sums.OutputTokens),
            ["reasoning_tokens"] = Bounded(sums.ReasoningTokens),
            ["cost_pico_usd"] = Bounded(sums.CostPicoUsd),
            ["tokens_per_second"] = sums.TokensPerSecond,
            ["cost_pico_usd_per_hour"] = sums.CostPicoUsdPerHour,
        },
        Texts = new Dictionary<string, string>(StringComparer.Ordinal),
    };

    private static long Bounded(Int128 sum) => (long)Int128.Min(sum, long.MaxValue);
}
