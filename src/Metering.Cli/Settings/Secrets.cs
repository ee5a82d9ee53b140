namespace Metering.Cli.Settings;

/// <summary>Keeps secrets out of what is printed.</summary>
public static class Secrets
{
    private static readonly string[] SecretWords = ["password", "secret", "token", "key.pem", "oauthbearer.config", "jaas", "credential"];

    /// <summary>A librdkafka property's value as it may be printed.</summary>
    public static string Mask(string property, string value)
    {
        foreach (var word in SecretWords)
        {
            if (property.Contains(word, StringComparison.OrdinalIgnoreCase))
                return "***";
        }
        return MaskUserInfo(value);
    }

    /// <summary>Hides what stands between <c>//</c> (or the beginning) and the last <c>@</c>: user and password of an
    /// address, also of one that is malformed.</summary>
    public static string MaskUserInfo(string text)
    {
        var at = text.LastIndexOf('@');
        if (at < 0)
            return text;
        var slashes = text.IndexOf("//", StringComparison.Ordinal);
        var start = slashes >= 0 && slashes < at ? slashes + 2 : 0;
        return string.Concat(text.AsSpan(0, start), "***", text.AsSpan(at));
    }
}
