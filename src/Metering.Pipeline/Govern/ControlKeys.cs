using System.Globalization;
using System.Text;

namespace Metering.Pipeline.Govern;

/// <summary>Keys of <c>control</c> (R24): one a fact.</summary>
internal static class ControlKeys
{
    public static string OfDecision(string scope, string policy) => scope + "|" + Escape(policy);

    public static string OfGrant(string scope, string policy, string gateway, string lease) => $"{scope}|{Escape(policy)}|{Escape(gateway)}|{Escape(lease)}";

    public static string OfHeartbeat(int partition) => string.Create(CultureInfo.InvariantCulture, $"heartbeat|{partition}");

    private static string Escape(string part)
    {
        if (part.AsSpan().IndexOfAny('%', '/', '|') < 0)
            return part;
        return new StringBuilder(part).Replace("%", "%25").Replace("/", "%2F").Replace("|", "%7C").ToString();
    }
}
