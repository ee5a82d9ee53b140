using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using ClickHouse.Driver;
using ClickHouse.Driver.ADO;

namespace Metering.ClickHouse.Ledger;

/// <summary>
/// The ledger on a ClickHouse server, through ClickHouse.Driver over HTTP. Connects with the first statement, so that a
/// server that is away does not keep a process from starting.
/// </summary>
public sealed class ServerLedger : ILedger
{
    // What our own statements run in: their names are whole, and this database exists before ours does.
    private const string AnyDatabase = "system";

    private const int UnknownSetting = 115;
    private const int KeepAliveIdleS = 20, KeepAliveEveryS = 5, KeepAliveTries = 4; // a host that vanished is noticed in 40 s

    private readonly ServerAddress _address;
    private readonly HttpClient _http;
    private readonly ClickHouseClient _client;
    private volatile IReadOnlyList<KeyValuePair<string, string>>? _insertSettings;

    /// <exception cref="ArgumentException">As <see cref="ServerAddress.Parse"/>.</exception>
    public ServerLedger(string url)
    {
        _address = ServerAddress.Parse(url);
        // Results are small and inserts are encoded already: compression would cost more CPU than a local network's time.
        _http = new HttpClient(new ServerErrors(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = ConnectAsync,
            AllowAutoRedirect = false, // a redirected POST would become a GET without its data
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // a name that moves is followed
        }))
        { Timeout = Timeout.InfiniteTimeSpan }; // a migration takes what it takes; callers cancel
        _client = new ClickHouseClient(new ClickHouseClientSettings
        {
            Protocol = _address.Url.Scheme,
            Host = _address.Url.Host,
            Port = (ushort)_address.Url.Port,
            Path = _address.Url.AbsolutePath,
            Username = _address.User,
            Password = _address.Password,
            Database = AnyDatabase,
            UseCompression = false,
            JsonReadMode = JsonReadMode.None, // no setting that a read-only user may not make
            JsonWriteMode = JsonWriteMode.None,
            CustomSettings = _address.Settings.ToDictionary(pair => pair.Key, pair => (object)pair.Value, StringComparer.Ordinal),
            HttpClient = _http,
        });
    }

    public string Description => _address.ToString();

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default) =>
        CopyResultAsync(sql, Options("TabSeparated", AnyDatabase), Stream.Null, cancellationToken);

    public Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default) =>
        CopyResultAsync(sql, Options(format, _address.Database), output, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>As the server's summary counts: with the rows of roll-ups, and those that a known token let drop; -1 when
    /// something between took the summary out of the answer.</remarks>
    public async Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        var settings = _insertSettings ??= await KnownSettingsAsync(cancellationToken);
        var sql = InsertSettings.Statement(insert, settings) + " FORMAT Native";
        try
        {
            // Not InsertRawStreamAsync: it writes the statement itself, without the SETTINGS clause that both backends share.
            using var response = await ServerErrors.GuardAsync(
                () => _client.PostStreamAsync(sql, (body, token) => WriteAsync(insert, body, token), isCompressed: false, cancellationToken, Options("TabSeparated", AnyDatabase)), cancellationToken);
            return WrittenRows(response);
        }
        catch (LedgerException error) when (error.Code == UnknownSetting)
        {
            _insertSettings = null; // another version answers now: ask it again on the retry
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task CopyResultAsync(string sql, QueryOptions options, Stream output, CancellationToken cancellationToken) =>
        await ServerErrors.GuardAsync(async () =>
        {
            using var result = await _client.ExecuteRawResultAsync(sql, options, cancellationToken);
            await using var stream = await result.ReadAsStreamAsync();
            await stream.CopyToAsync(output, cancellationToken);
            return true;
        }, cancellationToken);

    private static QueryOptions Options(string format, string database) => new()
    {
        Database = database,
        CustomSettings = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["default_format"] = format,
            // The status is then the whole statement's: an insert's roll-ups are done (R17), and a result that fails half
            // way is an error, not a short result.
            ["wait_end_of_query"] = "1",
        },
    };

    private static async Task WriteAsync(LedgerInsert insert, Stream body, CancellationToken cancellationToken)
    {
        foreach (var block in insert.Blocks)
            await body.WriteAsync(block, cancellationToken);
    }

    private async Task<IReadOnlyList<KeyValuePair<string, string>>> KnownSettingsAsync(CancellationToken cancellationToken)
    {
        var names = await LedgerRows.RowsAsync(this, "SELECT name FROM system.settings", cancellationToken);
        return InsertSettings.For(names.Select(row => row[0]).ToHashSet(StringComparer.Ordinal).Contains);
    }

    private static long WrittenRows(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("X-ClickHouse-Summary", out var values))
            return -1;
        try
        {
            using var summary = JsonDocument.Parse(values.First());
            return summary.RootElement.TryGetProperty("written_rows", out var rows)
                && long.TryParse(rows.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var written) ? written : -1;
        }
        catch (JsonException)
        {
            return -1; // a header cut by what stands between; the insert itself was acknowledged
        }
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveIdleS);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveEveryS);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveTries);
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
