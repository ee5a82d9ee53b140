using System.Globalization;

namespace Metering.Cli.Settings;

/// <summary>
/// An http(s) address with what may stand in it: user and password, a path, and for ClickHouse a database
/// (<c>?database=NAME</c>, or the path when it is one word: <c>http://host:8123/metering</c>).
/// Its text never shows the password.
/// </summary>
public sealed record ServiceUrl
{
    private ServiceUrl(Uri uri)
    {
        Uri = new UriBuilder(uri) { UserName = "", Password = "", Query = "", Fragment = "" }.Uri;
        var userInfo = uri.UserInfo;
        if (userInfo.Length > 0)
        {
            var colon = userInfo.IndexOf(':', StringComparison.Ordinal);
            User = Uri.UnescapeDataString(colon < 0 ? userInfo : userInfo[..colon]);
            Password = colon < 0 ? "" : Uri.UnescapeDataString(userInfo[(colon + 1)..]);
        }
        Query = uri.Query.TrimStart('?');
    }

    /// <summary>Without user, password and query; the path stays.</summary>
    public Uri Uri { get; }

    /// <summary>Without user, password and query, and without a slash at its end: what clients append their paths to.</summary>
    public string Address => Uri.AbsoluteUri.TrimEnd('/');

    /// <summary>Null when none was given.</summary>
    public string? User { get; }

    /// <summary>Null when no user was given. Never print it.</summary>
    public string? Password { get; }

    /// <summary>The query as given, without its question mark.</summary>
    public string Query { get; }

    /// <summary><c>user:password</c> as Confluent's clients take it in <c>basic.auth.user.info</c>; null without a user.</summary>
    public string? UserInfo => User is null ? null : $"{User}:{Password}";

    /// <summary>The ClickHouse database named by the address; null when it names none.</summary>
    public string? Database
    {
        get
        {
            foreach (var pair in Query.Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                if (pair.StartsWith("database=", StringComparison.Ordinal))
                    return Uri.UnescapeDataString(pair["database=".Length..]);
            }
            return DatabaseInPath;
        }
    }

    /// <summary>ClickHouse's endpoint: the address without the database in its path.</summary>
    public string ClickHouseEndpoint =>
        Query.Contains("database=", StringComparison.Ordinal) || DatabaseInPath is null
            ? Address
            : Uri.GetLeftPart(UriPartial.Authority);

    private string? DatabaseInPath
    {
        get
        {
            var path = Uri.AbsolutePath.Trim('/');
            return path.Length == 0 || path.Contains('/', StringComparison.Ordinal) ? null : Uri.UnescapeDataString(path);
        }
    }

    /// <summary>Our own part on this machine.</summary>
    public static ServiceUrl Local(int port) =>
        new(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));

    /// <summary>False when it is not an absolute http or https address with a host.</summary>
    public static bool TryParse(string text, out ServiceUrl? url)
    {
        url = null;
        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            return false;
        if (!string.Equals(uri.Scheme, Uri.UriSchemeHttp, StringComparison.Ordinal)
            && !string.Equals(uri.Scheme, Uri.UriSchemeHttps, StringComparison.Ordinal))
            return false;
        url = new ServiceUrl(uri);
        return true;
    }

    /// <summary>For people: the user shows, the password does not, nor does a query, which may hold one.</summary>
    public override string ToString() =>
        User is null ? Address : $"{Uri.Scheme}://{Uri.EscapeDataString(User)}:***@{Address[(Uri.Scheme.Length + 3)..]}";
}
