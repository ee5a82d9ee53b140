using System.Net;
using System.Net.Sockets;

namespace Metering.Cli.Tests.Commands;

/// <summary>Exit codes and streams of the program itself, started as a process.</summary>
public sealed class ExitCodeTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("query --help")]
    [InlineData("doctor -h")]
    public async Task Help_prints_to_standard_output_and_is_done(string arguments)
    {
        var (exitCode, output, error) = await MeteringProcess.RunAsync(arguments.Split(' '));

        Assert.Equal(0, exitCode);
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
        Assert.Empty(error);
    }

    [Theory]
    [InlineData("qurey", "did you mean query?")]
    [InlineData("doctor --partitons 3", "\"--partitons\" is not known here; did you mean --partitions?")]
    [InlineData("doctor --partitions none", "--partitions is \"none\"; give a whole number from 1 to 10000.")]
    [InlineData("query", "Required argument")]
    [InlineData("chaos --blows meter,metre", "--blows names \"metre\"; give some of up, start, meter")]
    [InlineData("chaos --blows broker", "chaos may only kill a Kafka of its own: give --kafka-script")]
    [InlineData("chaos --kafka-script nowhere", "--kafka-script nowhere does not exist")]
    [InlineData("pipeline --stages rate", "--stages is \"rate\"; give any of meter, govern and sink, joined by commas.")]
    [InlineData("query x --param novalue", "--param \"novalue\" is no NAME=VALUE")]
    [InlineData("test", "run ./metering test")]
    public async Task Wrong_usage_is_2_with_the_fix_on_standard_error(string arguments, string sentence)
    {
        var (exitCode, output, error) = await MeteringProcess.RunAsync(arguments.Split(' '));

        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_given_shows_the_help_and_is_wrong_usage()
    {
        var (exitCode, output, _) = await MeteringProcess.RunAsync([]);

        Assert.Equal(2, exitCode);
        Assert.Contains("doctor", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_settings_from_everywhere_come_in_one_go()
    {
        var (exitCode, _, error) = await MeteringProcess.RunAsync(
            ["doctor", "--partitions", "0"],
            new Dictionary<string, string>(StringComparer.Ordinal) { ["METERING__NAME"] = "a b", ["METERING__TYPO"] = "1" });

        Assert.Equal(2, exitCode);
        Assert.Contains("METERING__TYPO in the environment is no setting", error, StringComparison.Ordinal);
        Assert.Contains("METERING__NAME is \"a b\"", error, StringComparison.Ordinal);
        Assert.Contains("--partitions is \"0\"", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_to_nobody_is_3_and_prints_no_password()
    {
        var (exitCode, output, error) = await MeteringProcess.RunAsync(
            ["query", "SELECT 1", "--clickhouse", $"http://me:hunter2@127.0.0.1:{FreePort()}"]);

        Assert.Equal(3, exitCode);
        Assert.Empty(output);
        Assert.StartsWith("metering: ClickHouse at http://me:***@127.0.0.1:", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_without_brokers_is_1_and_names_what_to_do()
    {
        var (exitCode, output, _) = await MeteringProcess.RunAsync(
            ["doctor", "--json", "--brokers", $"127.0.0.1:{FreePort()}", "--registry-port", "0", "--clickhouse-port", "0", "--server-port", "0"]);

        Assert.Equal(1, exitCode);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(lines, l => l.StartsWith("""{"check":"brokers","status":"fail",""", StringComparison.Ordinal) && l.Contains("\"fix\":\"start Kafka", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("""{"check":"dotnet","status":"ok",""", StringComparison.Ordinal));
        Assert.StartsWith("""{"ok":false,"failed":""", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_finds_a_port_in_use_and_a_registry_that_is_away()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        holder.Stop();
        using var taken = new TcpListener(IPAddress.Loopback, port);
        taken.Start();
        // A second port of the same listener's kind, so that the health question is refused at once.
        var (exitCode, output, _) = await MeteringProcess.RunAsync(
            ["doctor", "--clickhouse-port", $"{port}", "--server-port", $"{FreePort()}", "--registry", $"http://127.0.0.1:{FreePort()}/apis/ccompat/v7", "--brokers", $"127.0.0.1:{FreePort()}"]);

        Assert.Equal(1, exitCode);
        Assert.Contains($"FAIL  port {port} (ClickHouse): in use by another program. To do: stop that program, or take another port by --clickhouse-port", output, StringComparison.Ordinal);
        Assert.Contains("FAIL  registry: http://127.0.0.1:", output, StringComparison.Ordinal);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
