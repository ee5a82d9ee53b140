using System.Globalization;
using Metering.ClickHouse.Ledger;
using Microsoft.AspNetCore.Http;

namespace Metering.ClickHouse.Http;

/// <summary>One request of ClickHouse's HTTP interface, its parts told apart. The URL's parameters are the query, its
/// values (<c>param_…</c>), a few words to the interface itself, and settings of the engine: all the others.</summary>
internal sealed class HttpStatement
{
    // Words to the interface; those without a meaning here are taken and change nothing, as ClickHouse's clients send them always.
    private static readonly HashSet<string> Interface = new(StringComparer.Ordinal)
    {
        "query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout", "session_check", "stacktrace",
        "compress", "decompress", "enable_http_compression", "http_zlib_compression_level", "buffer_size", "wait_end_of_query",
        "send_progress_in_http_headers", "client_protocol_version", "quota_key", "role", "close_session", "output_format_native_write_json_as_string",
        "http_write_exception_in_output_format", "http_headers_progress_interval_ms", "add_http_cors_header", "http_response_headers",
    };

    private readonly Dictionary<string, string> _words = new(StringComparer.Ordinal);

    /// <summary>The <c>query</c> parameter; the body may go on with it.</summary>
    public string UrlQuery { get; private set; } = "";

    public Dictionary<string, string> Parameters { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Settings { get; } = new(StringComparer.Ordinal);

    public string Database { get; private set; } = "";

    public string Format { get; private set; } = "TabSeparated";

    public string QueryId { get; private set; } = "";

    /// <summary>The result as ClickHouse's own compressed frames.</summary>
    public bool CompressResult => IsOn("compress");

    /// <summary>The body comes as such frames.</summary>
    public bool DecompressBody => IsOn("decompress");

    /// <summary>The result in the encoding that the request's Accept-Encoding asks for.</summary>
    public bool EncodeResult => IsOn("enable_http_compression");

    public static HttpStatement Of(HttpRequest request, ClickHouseHttpOptions options)
    {
        var statement = new HttpStatement();
        foreach (var (name, values) in request.Query)
            statement.Take(name, values.ToString());
        statement.UrlQuery = statement._words.GetValueOrDefault("query", "");
        statement.Database = First(statement._words.GetValueOrDefault("database"), request.Headers["X-ClickHouse-Database"], options.DefaultDatabase);
        statement.Format = First(statement._words.GetValueOrDefault("default_format"), request.Headers["X-ClickHouse-Format"], "TabSeparated");
        statement.QueryId = First(statement._words.GetValueOrDefault("query_id"), request.Headers["X-ClickHouse-Query-Id"], Guid.NewGuid().ToString());
        return statement;
    }

    /// <summary>Takes a part of a multipart form as if it stood in the URL.</summary>
    public void TakePart(string name, string value)
    {
        Take(name, value);
        if (name == "query")
            UrlQuery = value;
    }

    private void Take(string name, string value)
    {
        if (name.StartsWith("param_", StringComparison.Ordinal))
            Parameters[name["param_".Length..]] = value;
        else if (Interface.Contains(name))
            _words[name] = value;
        else
            Settings[name] = value;
    }

    private bool IsOn(string name) => _words.TryGetValue(name, out var value)
        && (int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number != 0 : bool.TryParse(value, out var flag) && flag);

    private static string First(string? fromUrl, string? fromHeader, string otherwise) =>
        !string.IsNullOrEmpty(fromUrl) ? fromUrl : !string.IsNullOrEmpty(fromHeader) ? fromHeader : otherwise;
}
