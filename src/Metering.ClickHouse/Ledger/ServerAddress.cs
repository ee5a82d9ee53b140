using System.Net;

namespace Metering.ClickHouse.Ledger;

/// <summary>
/// Where a ClickHouse server is, from a URL: <c>http://user:password@host:8123/path?database=metering&amp;max_threads=4</c>.
/// User and password may stand in front of the host or be parameters; other parameters are settings of every statement.
/// </summary>
public sealed record ServerAddress
{
    private ServerAddress(Uri url) => Url = url;

    /// <summary>Scheme, host, port and path: no user, no password, no parameters.</summary>
    public Uri Url { get; }

    /// <summary>Default: ClickHouse's own, <c>default</c>.</summary>
    public string User { get; private init; } = "default";

    public string Password { get; private init; } = "";

    /// <summary>The database for queries that name none; empty = the user's default.</summary>
    public string Database { get; private init; } = "";

    public IReadOnlyDictionary<string, string> Settings { get; private init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">Not an http or https URL. The message does not repeat the text: it may hold a password.</exception>
    public static ServerAddress Parse(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            throw new ArgumentException("The ClickHouse URL is not one of http or https: write http://user:password@host:8123/?database=metering", nameof(url));
        var parameters = Parameters(uri.Query);
        var userInfo = uri.UserInfo.Split(':', 2);
        parameters.Remove("user", out var user);
        parameters.Remove("password", out var password);
        parameters.Remove("database", out var database);
        return new ServerAddress(new UriBuilder(uri.Scheme, uri.Host, uri.Port, uri.AbsolutePath).Uri)
        {
            User = userInfo[0].Length > 0 ? Uri.UnescapeDataString(userInfo[0]) : user ?? "default",
            Password = userInfo.Length > 1 ? Uri.UnescapeDataString(userInfo[1]) : password ?? "",
            Database = database ?? "",
            Settings = parameters,
        };
    }

    /// <summary>The URL for people: the user named, the password as <c>***</c>, no settings.</summary>
    public override string ToString()
    {
        var user = User == "default" && Password.Length == 0 ? "" : Uri.EscapeDataString(User) + (Password.Length == 0 ? "@" : ":***@");
        var database = Database.Length == 0 ? "" : "?database=" + Uri.EscapeDataString(Database);
        return $"{Url.Scheme}://{user}{Url.Authority}{Url.AbsolutePath}{database}";
    }

    private static Dictionary<string, string> Parameters(string query)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = part.Split('=', 2);
            parameters[WebUtility.UrlDecode(pair[0])] = pair.Length > 1 ? WebUtility.UrlDecode(pair[1]) : "";
        }
        return parameters;
    }
}
