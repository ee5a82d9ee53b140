using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
using Metering.Server;
using Metering.Server.Health;
using Metering.Server.Metrics;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Cli.Tests.Server;

public sealed class ServerHostTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);
    private readonly ProgressReadiness _meter = new("METER");
    private readonly ProgressReadiness _sink = new("SINK");
    private readonly HttpClient _client = new();
    private ServerHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await ServerHost.StartAsync(new ServerOptions { Port = 0, Readiness = [_meter, _sink], Time = _time });
        _client.BaseAddress = new Uri(_host.Address);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task Live_answers_while_nothing_is_ready()
    {
        Assert.Equal("""{"live":true}""", await _client.GetStringAsync(new Uri("/health/live", UriKind.Relative)));
    }

    [Fact]
    public async Task Ready_is_503_and_says_which_part_and_why_then_200()
    {
        _meter.Observe(0, 1, _time.GetUtcNow());
        _sink.WaitFor("ClickHouse at http://c", _time.GetUtcNow());

        using var waiting = await GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, waiting.StatusCode);
        Assert.Equal(
            """{"ready":false,"parts":[{"name":"METER","ready":true},{"name":"SINK","ready":false,"reason":"waiting for ClickHouse at http://c for 0 s"}]}""",
            await waiting.Content.ReadAsStringAsync());

        _sink.Resume(_time.GetUtcNow());
        _sink.Observe(0, 1, _time.GetUtcNow());
        using var ready = await GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);

        _time.Advance(TimeSpan.FromSeconds(10));
        using var hung = await GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, hung.StatusCode);
    }

    [Fact]
    public async Task Front_page_links_to_what_there_is_for_programs_and_browsers()
    {
        using var json = JsonDocument.Parse(await _client.GetStringAsync(new Uri("/", UriKind.Relative)));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Accept.ParseAdd("text/html");
        using var page = await _client.SendAsync(request);

        foreach (var link in json.RootElement.GetProperty("links").EnumerateArray())
        {
            using var answer = await GetAsync(link.GetProperty("path").GetString()!);
            Assert.NotEqual(HttpStatusCode.NotFound, answer.StatusCode);
        }
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        Assert.Contains("href=\"/metrics\"", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_show_each_kind_of_instrument_under_prometheus_names()
    {
        using var meter = new Meter("metering");
        var events = meter.CreateCounter<long>("test_events", "{event}", "Events.");
        var duration = meter.CreateHistogram<double>("test.commit_duration", "s", "Commit.");
        meter.CreateObservableCounter("test_bytes_total", () => 42L, "By", "Bytes.");
        meter.CreateObservableGauge("metering_test_lag_records", () => new Measurement<long>(7, new KeyValuePair<string, object?>("partition", 3)));
        var inFlight = meter.CreateUpDownCounter<int>("test_in_flight");
        events.Add(2, new KeyValuePair<string, object?>("reason", "bad \"quote\"\n"));
        events.Add(3, new KeyValuePair<string, object?>("reason", "other"));
        duration.Record(0.007);
        inFlight.Add(5);
        inFlight.Add(-2);
        events.Add(-1, new KeyValuePair<string, object?>("reason", "other"));

        var lines = (await _client.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n');

        Assert.Contains("""metering_test_events_total{reason="bad \"quote\"\n"} 2""", lines);
        Assert.Contains("""metering_test_events_total{reason="other"} 3""", lines);
        Assert.Contains("# TYPE metering_test_events_total counter", lines);
        Assert.Contains("# HELP metering_test_events_total Events.", lines);
        Assert.Contains("metering_test_bytes_total 42", lines);
        Assert.Contains("""metering_test_lag_records{partition="3"} 7""", lines);
        Assert.Contains("# TYPE metering_test_lag_records gauge", lines);
        Assert.Contains("metering_test_in_flight 3", lines);
        Assert.Contains("""metering_test_commit_duration_seconds_bucket{le="0.01"} 1""", lines);
        Assert.Contains("metering_test_commit_duration_seconds_count 1", lines);
        Assert.Contains(lines, l => l.StartsWith("process_cpu_seconds_total", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Metrics_label_without_bound_is_cut_off_and_counted()
    {
        using var meter = new Meter("Metering.Unbounded");
        var events = meter.CreateCounter<long>("test_unbounded");
        for (var user = 0; user < MeterBridge.MaxSeries + 50; user++)
            events.Add(1, new KeyValuePair<string, object?>("user", user));

        var text = await _client.GetStringAsync(new Uri("/metrics", UriKind.Relative));

        Assert.Equal(MeterBridge.MaxSeries, text.Split('\n').Count(l => l.StartsWith("metering_test_unbounded_total{", StringComparison.Ordinal)));
        Assert.Contains("metering_metrics_series_refused_total{metric=\"metering_test_unbounded_total\"} 50", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_instrument_that_throws_hides_no_other()
    {
        using var meter = new Meter("metering");
        meter.CreateObservableGauge("test_broken", (Func<long>)(() => throw new ObjectDisposedException("part")));
        meter.CreateObservableGauge("test_whole", () => 1L);

        var text = await _client.GetStringAsync(new Uri("/metrics", UriKind.Relative));

        Assert.Contains("metering_test_whole 1", text, StringComparison.Ordinal);
        Assert.Contains("metering_metrics_failures_total 1", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_of_other_programs_meters_are_not_ours()
    {
        using var meter = new Meter("Somebody.Else");
        meter.CreateCounter<long>("test_foreign").Add(1);

        Assert.DoesNotContain("test_foreign", await _client.GetStringAsync(new Uri("/metrics", UriKind.Relative)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_on_a_port_in_use_says_so_and_names_the_flag()
    {
        var error = await Assert.ThrowsAsync<ServerStartException>(
            () => ServerHost.StartAsync(new ServerOptions { Port = _host.Port, Readiness = [] }));

        Assert.StartsWith(FormattableString.Invariant($"--server-port {_host.Port} on 127.0.0.1 cannot be listened on"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ready_without_any_part_is_not_ready()
    {
        await using var empty = await ServerHost.StartAsync(new ServerOptions { Port = 0, Readiness = [] });
        using var answer = await _client.GetAsync(new Uri(empty.Address + "/health/ready"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _client.GetAsync(new Uri(path, UriKind.Relative));
}
