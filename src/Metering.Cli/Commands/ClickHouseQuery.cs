using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Metering.Cli.Settings;

namespace Metering.Cli.Commands;

/// <summary>ClickHouse's HTTP interface as <c>query</c> uses it: POST the statement, stream the answer.</summary>
internal sealed class ClickHouseQuery : IDisposable
{

    private readonly ServiceUrl _url;

    // A query may run for hours; Ctrl-C and --for end it.
    private readonly HttpClient _client = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5), AutomaticDecompression = DecompressionMethods.None })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public ClickHouseQuery(ServiceUrl url)
    {
        _url = url;
        if (url.User is { } user)
        {
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{url.Password}")));
        }
    }

    /// <exception cref="CommandFailedException">ClickHouse refused or broke off; its own words.</exception>
    /// <exception cref="HttpRequestException">It does not answer.</exception>
    public async Task RunAsync(
        string sql, string format, IReadOnlyDictionary<string, string> parameters, Stream output, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Address(format, parameters))
        {
            Content = new StringContent(sql, Encoding.UTF8),
        };
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK && !response.Headers.Contains("X-ClickHouse-Exception-Code"))
        {
            await CopyAsync(response, output, cancellationToken);
            return;
        }
        var text = (await response.Content.ReadAsStringAsync(cancellationToken)).Trim();
        throw new CommandFailedException(text.Length > 0 ? text : $"ClickHouse at {_url} answered {(int)response.StatusCode} {response.ReasonPhrase}");
    }

    public void Dispose() => _client.Dispose();

    private string Address(string format, IReadOnlyDictionary<string, string> parameters)
    {
        var address = new StringBuilder(_url.ClickHouseEndpoint).Append("/?");
        if (_url.Query.Length > 0)
            address.Append(_url.Query).Append('&');
        if (!_url.Query.Contains("database=", StringComparison.Ordinal))
            address.Append("database=").Append(Uri.EscapeDataString(_url.Database ?? "metering")).Append('&');
        address.Append(CultureInfo.InvariantCulture, $"default_format={Uri.EscapeDataString(format)}");
        foreach (var (name, value) in parameters)
            address.Append(CultureInfo.InvariantCulture, $"&param_{Uri.EscapeDataString(name)}={Uri.EscapeDataString(Escape(value))}");
        return address.ToString();
    }

    /// <summary>Parameter values are read as TSV-escaped text.</summary>
    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal).Replace("\0", "\\0", StringComparison.Ordinal);

    private static async Task CopyAsync(HttpResponseMessage response, Stream output, CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[64 * 1024];
        while (await ReadAsync(body, buffer, cancellationToken) is > 0 and var read)
            await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    /// <summary>Keeps an error of the server apart from one of standard output: both are IOExceptions.</summary>
    private static async Task<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException e)
        {
            throw new CommandFailedException($"ClickHouse broke off its answer ({e.Message}); what was printed is not whole.", e);
        }
    }
}
