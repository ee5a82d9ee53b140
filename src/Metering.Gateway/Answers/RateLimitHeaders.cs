using System.Globalization;
using Metering.Gateway.Admission;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Answers;

/// <summary>The headers by which OpenAI tells a client how much it has left; figures that are not known are left out.</summary>
internal static class RateLimitHeaders
{
    public static void Write(IHeaderDictionary headers, RateLimitFigures figures)
    {
        Number(headers, "x-ratelimit-limit-requests", figures.LimitRequests);
        Number(headers, "x-ratelimit-remaining-requests", figures.RemainingRequests);
        Duration(headers, "x-ratelimit-reset-requests", figures.ResetRequests);
        Number(headers, "x-ratelimit-limit-tokens", figures.LimitTokens);
        Number(headers, "x-ratelimit-remaining-tokens", figures.RemainingTokens);
        Duration(headers, "x-ratelimit-reset-tokens", figures.ResetTokens);
    }

    /// <summary>In seconds, rounded up, as HTTP has it, and in milliseconds, which OpenAI's SDKs prefer.</summary>
    public static void WriteRetryAfter(IHeaderDictionary headers, TimeSpan after)
    {
        var ms = Math.Max(0, (long)Math.Ceiling(after.TotalMilliseconds));
        headers.RetryAfter = ((ms + 999) / 1000).ToString(CultureInfo.InvariantCulture);
        headers["retry-after-ms"] = ms.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>As OpenAI writes it: <c>12ms</c>, <c>1.5s</c>, <c>6m0s</c>, <c>1h2m3s</c>.</summary>
    internal static string Format(TimeSpan time)
    {
        if (time <= TimeSpan.Zero)
            return "0s";
        if (time < TimeSpan.FromSeconds(1))
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalMilliseconds)}ms");
        var seconds = Math.Ceiling(time.TotalMilliseconds) / 1000;
        if (time < TimeSpan.FromMinutes(1))
            return string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###}s");
        var whole = (long)Math.Ceiling(seconds);
        return whole < 3600
            ? string.Create(CultureInfo.InvariantCulture, $"{whole / 60}m{whole % 60}s")
            : string.Create(CultureInfo.InvariantCulture, $"{whole / 3600}h{whole / 60 % 60}m{whole % 60}s");
    }

    private static void Number(IHeaderDictionary headers, string name, long? value)
    {
        if (value is { } number)
            headers[name] = number.ToString(CultureInfo.InvariantCulture);
    }

    private static void Duration(IHeaderDictionary headers, string name, TimeSpan? value)
    {
        if (value is { } time)
            headers[name] = Format(time);
    }
}
