using Confluent.SchemaRegistry;

namespace Metering.Client.Sending;

/// <summary>A registry's URL as people write it, user and password included.</summary>
internal static class RegistryUrl
{
    public static SchemaRegistryConfig Parse(string url)
    {
        var parsed = new Uri(url, UriKind.Absolute);
        var config = new SchemaRegistryConfig
        {
            // With the path, and without what comes before the host: the client would take that for a host's name.
            Url = parsed.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped),
            RequestTimeoutMs = 10_000,
        };
        if (parsed.UserInfo.Length > 0)
        {
            config.BasicAuthCredentialsSource = AuthCredentialsSource.UserInfo;
            config.BasicAuthUserInfo = Uri.UnescapeDataString(parsed.UserInfo);
        }
        return config;
    }

    /// <summary>For logs: without user and password.</summary>
    public static string Redact(string url) => Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.UserInfo.Length > 0
        ? parsed.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped)
        : url;
}
