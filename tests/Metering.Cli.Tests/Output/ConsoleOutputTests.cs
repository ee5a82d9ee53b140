using System.Text;
using System.Text.Json;
using Metering.Cli.Commands;
using Metering.Cli.Output;
using Metering.Cli.Settings;

namespace Metering.Cli.Tests.Output;

public sealed class ConsoleOutputTests
{
    private readonly MemoryStream _out = new();
    private readonly StringWriter _error = new();

    private static readonly LiveFigures Figures = new()
    {
        UptimeSeconds = 61.5m,
        EventsPerSecond = 1234.5m,
        InputTokensPerSecond = 99.9m,
        OutputTokensPerSecond = 12,
        CostPerHourUsd = 1.5m,
        LagRecords = 7,
        LagSeconds = 0.25m,
        Published = 1000,
        Received = 990,
        Metered = 980,
        Rejected = 5,
        Duplicate = 5,
        InFlight = 10,
        Lost = 5,
        InputTokens = 12345,
        OutputTokens = 678,
        LedgerRows = 970,
        Tenants = [new GroupFigures { Name = "acme [red]", EventsPerSecond = 1, InputTokensPerSecond = 2, OutputTokensPerSecond = 3, CostPerHourUsd = 0.25m }],
    };

    [Fact]
    public async Task Json_ready_names_only_the_parts_that_are_there()
    {
        await using var output = Json();
        output.Ready(new ReadyAddresses { Kafka = "127.0.0.1:9092", Registry = "http://127.0.0.1:8081", ClickHouse = "http://127.0.0.1:8123", Server = "http://127.0.0.1:8080" });

        Assert.Equal(
            """{"ready":{"kafka":"127.0.0.1:9092","registry":"http://127.0.0.1:8081","clickhouse":"http://127.0.0.1:8123","server":"http://127.0.0.1:8080"}}""" + "\n",
            Written());
    }

    [Fact]
    public async Task Json_tick_and_stopped_have_the_documented_fields()
    {
        await using var output = Json();
        output.Note("nothing for programs");
        output.Tick(Figures);
        output.Stopped(Figures);

        const string Expected =
            """{"uptime_seconds":61.5,"events_per_second":1234.5,"input_tokens_per_second":99.9,"output_tokens_per_second":12,"cost_per_hour_usd":1.5,"lag_records":7,"lag_seconds":0.25,"published":1000,"received":990,"metered":980,"rejected":5,"duplicate":5,"in_flight":10,"lost":5,"input_tokens":12345,"output_tokens":678,"ledger_rows":970,"tenants":[{"name":"acme [red]","events_per_second":1,"input_tokens_per_second":2,"output_tokens_per_second":3,"cost_per_hour_usd":0.25}],"models":[],"waiting_for":[]}""";
        Assert.Equal($"{Expected}\n{{\"stopped\":{Expected}}}\n", Written());
    }

    [Fact]
    public async Task Json_name_with_newline_and_quote_stays_one_line()
    {
        await using var output = Json();
        output.Tick(Figures with { Models = [new GroupFigures { Name = "a\n\"b\u001b[31m" }] });

        var line = Assert.Single(Written().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        using var document = JsonDocument.Parse(line);
        Assert.Equal("a\n\"b\u001b[31m", document.RootElement.GetProperty("models")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task Plain_output_is_lines_of_text_with_the_account()
    {
        await using var output = ConsoleOutputs.Create(new OutputSettings(), Streams(isTerminal: false));
        output.Ready(new ReadyAddresses { Kafka = "h:1", Server = "http://s" });
        output.Tick(Figures with { WaitingFor = ["the registry at http://r"] });
        output.Stopped(Figures);

        var lines = Written().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("Kafka      h:1", lines[0]);
        Assert.Equal("ready", lines[2]);
        Assert.Equal(
            "00:01:01  1,235 events/s  tokens/s 99.9 in 12.0 out  $1.50/h  lag 7 (0.3 s)  published 1,000 = metered 980 + rejected 5 + in flight 10 + lost 5  waiting for the registry at http://r",
            lines[3]);
        Assert.Equal("received 990 = metered 980 + rejected 5 + duplicate 5", lines[6]);
        Assert.DoesNotContain('\u001b', Written());
    }

    [Fact]
    public void Account_that_does_not_add_up_is_not_shown_as_equal() =>
        Assert.StartsWith("published 1,001 ≠ metered", FiguresText.Equation(Figures with { Published = 1001 }), StringComparison.Ordinal);

    [Fact]
    public async Task Reader_that_goes_away_is_told_once_and_stops_nothing()
    {
        await using var output = ConsoleOutputs.Create(
            new OutputSettings { Json = true }, Streams(isTerminal: false) with { OutBytes = new BrokenPipe() });
        output.Tick(Figures);
        output.Tick(Figures);

        var line = Assert.Single(_error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("nobody reads standard output", line, StringComparison.Ordinal);
    }

    private IConsoleOutput Json() => ConsoleOutputs.Create(new OutputSettings { Json = true }, Streams(isTerminal: true));

    private ApplicationStreams Streams(bool isTerminal) => new()
    {
        OutBytes = _out,
        Out = new StreamWriter(_out, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" },
        Error = _error,
        IsTerminal = isTerminal,
        Environment = new Dictionary<string, string>(StringComparer.Ordinal),
    };

    private string Written() => Encoding.UTF8.GetString(_out.ToArray());

    private sealed class BrokenPipe : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("Broken pipe");

        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("Broken pipe");
    }
}
