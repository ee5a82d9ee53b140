using Metering.Gateway.Answers;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Keys;

/// <summary>Finds the key that a request brings in <c>Authorization: Bearer</c>.</summary>
internal sealed class KeyCheck(IKeyDirectory directory, GatewayMetrics metrics, TimeProvider time)
{
    private const string Scheme = "Bearer ";

    /// <summary>The key, or what to answer without one. A key that is blocked or has expired is known: its requests are events.</summary>
    public (ApiKey? Key, ErrorAnswer? Refusal) Check(HttpContext http)
    {
        if (directory.NotReady is { } reason)
            return (null, ErrorAnswer.Unavailable($"The gateway is starting: {reason}."));
        var header = http.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return Unknown(ErrorAnswer.NoKey);
        var secret = header.AsSpan(Scheme.Length).Trim();
        if (secret.IsEmpty)
            return Unknown(ErrorAnswer.NoKey);
        if (secret.Length > KeyHash.MaxSecretChars || directory.Find(KeyHash.Of(secret)) is not { } key)
            return Unknown(ErrorAnswer.UnknownKey);
        if (key.IsBlocked)
            return (key, ErrorAnswer.BlockedKey);
        return (key, key.ExpiresAt <= time.GetUtcNow() ? ErrorAnswer.ExpiredKey : null);
    }

    private (ApiKey?, ErrorAnswer?) Unknown(ErrorAnswer answer)
    {
        metrics.UnknownKey();
        return (null, answer);
    }
}
