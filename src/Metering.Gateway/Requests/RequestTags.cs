using System.Collections.ObjectModel;
using System.Text;
using Metering.Events;

namespace Metering.Gateway.Requests;

/// <summary>What a client says of a request in headers: its tags, its route, its experiment, and which attempt it is.</summary>
internal static class RequestTags
{
    public const string RouteHeader = "x-metering-route";
    public const string TagsHeader = "x-metering-tags";
    public const string ExperimentHeader = "x-metering-experiment";

    /// <summary>How often OpenAI's SDKs have tried before.</summary>
    public const string RetryHeader = "x-stainless-retry-count";

    private const int MostRetries = 1000;

    /// <summary>The tags of <c>k=v,k=v</c>; a name may stand there once.</summary>
    /// <returns>False when it is not that, or more than an event may carry.</returns>
    public static bool TryParse(string header, out IReadOnlyDictionary<string, string> tags)
    {
        tags = ReadOnlyDictionary<string, string>.Empty;
        if (header.Length == 0)
            return true;
        var parsed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in header.AsSpan().Split(','))
        {
            var text = header.AsSpan(pair).Trim();
            if (text.IsEmpty)
                continue;
            var equals = text.IndexOf('=');
            if (equals <= 0 || parsed.Count == EventLimits.MaxTags)
                return false;
            var (name, value) = (text[..equals].Trim().ToString(), text[(equals + 1)..].Trim().ToString());
            if (!Fits(name, EventLimits.MaxTagBytes) || !Fits(value, EventLimits.MaxTagBytes) || !parsed.TryAdd(name, value))
                return false;
        }
        tags = parsed;
        return true;
    }

    /// <summary>1 = the first.</summary>
    public static int Attempt(string retryHeader) =>
        int.TryParse(retryHeader, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var retries) && retries <= MostRetries ? retries + 1 : 1;

    public static bool Fits(string text, int maxBytes) => text.Length * 3 <= maxBytes || Encoding.UTF8.GetByteCount(text) <= maxBytes;
}
