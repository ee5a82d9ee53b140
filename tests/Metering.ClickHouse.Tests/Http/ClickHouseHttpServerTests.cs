using System.IO.Compression;
using System.Net;
using System.Text;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.Utility;
using Metering.ClickHouse.Http;

namespace Metering.ClickHouse.Tests.Http;

public sealed class ClickHouseHttpServerTests(EngineFixture fixture) : IAsyncLifetime
{
    private ClickHouseHttpServer _server = null!;
    private HttpClient _http = null!;
    private string _database = "";

    public async ValueTask InitializeAsync()
    {
        _database = await fixture.CreateDatabaseAsync();
        _server = await ClickHouseHttpServer.StartAsync(fixture.Engine, new ClickHouseHttpOptions { Port = 0, DefaultDatabase = _database });
        _http = new HttpClient { BaseAddress = _server.Url };
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is null)
            return;
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/ping")]
    [InlineData("/replicas_status")]
    public async Task Get_of_the_health_paths_answers_Ok(string path) => Assert.Equal("Ok.\n", await _http.GetStringAsync(path));

    [Fact]
    public async Task Query_in_the_url_and_in_the_body_are_the_same()
    {
        Assert.Equal("3\n", await _http.GetStringAsync("/?query=SELECT%201%2B2"));
        Assert.Equal("3\n", await PostAsync("/", "SELECT 1+2"));
        Assert.Equal("3\n", await PostAsync("/?query=SELECT", "1+2"));
    }

    [Fact]
    public async Task Query_takes_parameters_settings_format_and_database_from_the_url()
    {
        Assert.Equal("it\\'s\t7\n", await PostAsync("/?param_s=it%27s&param_n=7", "SELECT {s:String}, {n:UInt8}"));
        Assert.Equal("[\"x\"]\n", (await PostAsync("/?default_format=JSONCompactEachRow", "SELECT 'x'")).Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(_database + "\n", await PostAsync("/", "SELECT currentDatabase()"));
        Assert.Equal("system\n", await PostAsync("/?database=system", "SELECT currentDatabase()"));
        Assert.Equal("17\n", await PostAsync("/?max_block_size=17", "SELECT getSetting('max_block_size')"));
    }

    [Theory]
    [InlineData("SELECT nothing", 47, HttpStatusCode.NotFound)]
    [InlineData("SELEC 1", 62, HttpStatusCode.BadRequest)]
    [InlineData("SELECT * FROM no_such_table", 60, HttpStatusCode.NotFound)]
    public async Task Error_bears_ClickHouses_code_text_and_status(string sql, int code, HttpStatusCode status)
    {
        using var response = await _http.PostAsync("/", new StringContent(sql));
        Assert.Equal(code.ToString(System.Globalization.CultureInfo.InvariantCulture), response.Headers.GetValues("X-ClickHouse-Exception-Code").Single());
        Assert.StartsWith($"Code: {code}. DB::Exception:", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Insert_takes_its_data_behind_the_statement_in_the_body_and_beside_a_statement_in_the_url()
    {
        await PostAsync("/", "CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a");
        await PostAsync("/", "INSERT INTO t FORMAT JSONEachRow\n{\"a\":1,\"b\":\"one\"}\n");
        await PostAsync("/?query=INSERT%20INTO%20t%20FORMAT%20CSV", "2,two\n");
        await PostAsync("/", "INSERT INTO t VALUES (3, 'FORMAT three'), (4, 'four')");
        await PostAsync("/", "INSERT INTO t SELECT 5, 'five' FORMAT Null");
        await PostAsync("/?query=INSERT%20INTO%20t%20(b,a)%20VALUES", "('six', 6)");
        Assert.Equal("1,2,3,4,5,6\tone,two,FORMAT three,four,five,six\n", await PostAsync("/", "SELECT arrayStringConcat(groupArray(toString(a)), ','), arrayStringConcat(groupArray(b), ',') FROM (SELECT * FROM t ORDER BY a)"));
    }

    [Fact]
    public async Task Insert_of_more_than_fits_a_statement_streams()
    {
        await PostAsync("/", "CREATE TABLE big (a UInt64) ENGINE = MergeTree ORDER BY a");
        var rows = string.Join('\n', Enumerable.Range(0, 200_000));
        await PostAsync("/", "INSERT INTO big FORMAT TSV\n" + rows + "\n");
        Assert.Equal("200000\t19999900000\n", await PostAsync("/", "SELECT count(), sum(a) FROM big"));
    }

    [Fact]
    public async Task Bodies_and_results_may_be_gzipped()
    {
        using var body = new MemoryStream();
        await using (var gzip = new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync("SELECT sum(number) FROM numbers(10)"u8.ToArray());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/?enable_http_compression=1") { Content = new ByteArrayContent(body.ToArray()) };
        request.Content.Headers.ContentEncoding.Add("gzip");
        request.Headers.AcceptEncoding.ParseAdd("gzip");
        using var response = await _http.SendAsync(request);
        Assert.Equal(["gzip"], response.Content.Headers.ContentEncoding);
        await using var unzipped = new GZipStream(await response.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        Assert.Equal("45\n", await new StreamReader(unzipped).ReadToEndAsync());
    }

    [Fact]
    public async Task Bodies_and_results_may_be_ClickHouses_own_frames()
    {
        var frame = Frame.Encode("SELECT repeat('x', 900000) AS x FROM numbers(3) FORMAT TSV"u8);
        using var response = await _http.PostAsync("/?decompress=1&compress=1", new ByteArrayContent(frame));
        await using var plain = new FrameReader(await response.Content.ReadAsStreamAsync());
        using var text = new MemoryStream();
        await plain.CopyToAsync(text);
        Assert.Equal(2_700_003, text.Length);
    }

    [Fact]
    public async Task A_damaged_frame_is_refused_with_ClickHouses_code()
    {
        var frame = Frame.Encode("SELECT 1"u8);
        frame[^1] ^= 1;
        using var response = await _http.PostAsync("/?decompress=1", new ByteArrayContent(frame));
        Assert.Equal("271", response.Headers.GetValues("X-ClickHouse-Exception-Code").Single());
        frame.AsSpan(17, 8).Fill(0x7f);
        using var huge = await _http.PostAsync("/?decompress=1", new ByteArrayContent(frame));
        Assert.Equal(HttpStatusCode.BadRequest, huge.StatusCode);
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_its_query()
    {
        using var gone = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("SELECT number, 'forever' AS forever FROM system.numbers") };
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, gone.Token);
        response.Dispose();
        for (var wait = 0; ; wait++)
        {
            var running = await PostAsync("/", "SELECT count() FROM system.processes WHERE query LIKE '%forever%' AND query NOT LIKE '%processes%'");
            if (running == "0\n")
                return;
            Assert.True(wait < 100, "the query went on");
            await Task.Delay(100);
        }
    }

    [Fact]
    public async Task Get_may_change_nothing()
    {
        using var response = await _http.GetAsync("/?query=CREATE%20TABLE%20g%20(a%20UInt8)%20ENGINE=Memory");
        Assert.Equal("164", response.Headers.GetValues("X-ClickHouse-Exception-Code").Single());
    }

    [Fact]
    public async Task The_official_driver_queries_with_parameters_and_inserts()
    {
        await using var connection = new ClickHouseConnection($"Host={_server.Url.Host};Port={_server.Url.Port};Database={_database}");
        await connection.OpenAsync();
        await using var create = connection.CreateCommand("CREATE TABLE d (id UInt64, name String, at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY id");
        await create.ExecuteNonQueryAsync();
        await using var insert = connection.CreateCommand("INSERT INTO d VALUES ({id:UInt64}, {name:String}, '2026-01-02 03:04:05.678901')");
        insert.AddParameter("id", 42UL);
        insert.AddParameter("name", "it's\ta tab");
        await insert.ExecuteNonQueryAsync();
        await using var select = connection.CreateCommand("SELECT id, name, at FROM d");
        await using var reader = await select.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        Assert.Equal((42UL, "it's\ta tab"), ((ulong)reader.GetValue(0), reader.GetString(1)));
        Assert.Equal(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddMicroseconds(678901), reader.GetDateTime(2));
    }

    private async Task<string> PostAsync(string url, string body)
    {
        using var response = await _http.PostAsync(url, new StringContent(body, Encoding.UTF8));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }
}
