using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Metering.Cli.Tests.Commands;

/// <summary>The gateway and the mock host as programs, while Kafka and registry are away.</summary>
public sealed class GatewayCommandTests : IDisposable
{
    private const string Secret = "sk-demo-secret";
    private readonly string _folder = Directory.CreateTempSubdirectory("metering-gateway-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Gateway_that_has_not_read_control_is_not_ready_answers_503_and_stops_at_SIGTERM()
    {
        var keyFile = Path.Combine(_folder, "key");
        await File.WriteAllTextAsync(keyFile, "sk-upstream-secret\n");
        var port = FreePort();
        await using var gateway = MeteringProcess.Start(["gateway", "--gateway-port", port, "--server-port", "0", "--upstream", "mock=http://127.0.0.1:1", "--upstream-key-file", keyFile,
            "--brokers", "127.0.0.1:1", "--registry", "http://127.0.0.1:1", "--data", _folder, "--demo-key", Secret, "--json"]);
        using var http = new HttpClient { BaseAddress = new Uri("http://127.0.0.1:" + port) };
        var answer = await AskAsync(http);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
        Assert.Contains("control, policies and keys are not read to their end yet", answer.Body, StringComparison.Ordinal);

        await gateway.SignalAsync("TERM");
        Assert.Equal(0, await gateway.ExitCodeAsync());
        Assert.Empty(await gateway.Out.ReadToEndAsync()); // no line that says ready
        var errors = await gateway.Error.ReadToEndAsync();
        Assert.DoesNotContain("sk-upstream-secret", errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, errors, StringComparison.Ordinal);
    }

    private static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }

    // It takes a moment until it listens.
    private static async Task<(HttpStatusCode Status, string Body)> AskAsync(HttpClient http)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
                {
                    Headers = { { "authorization", "Bearer " + Secret } },
                    Content = new StringContent("""{"model":"m","messages":[{"role":"user","content":"Hi"}]}""", Encoding.UTF8, "application/json"),
                };
                using var answer = await http.SendAsync(request, limit.Token);
                return (answer.StatusCode, await answer.Content.ReadAsStringAsync(limit.Token));
            }
            catch (HttpRequestException)
            {
                await Task.Delay(50, limit.Token);
            }
        }
    }

    [Theory]
    [InlineData("--upstream", "a=http://a", "--upstream-key-file", "b=/none")]
    [InlineData("--upstream", "a=http://a", "--upstream", "a=http://b")]
    [InlineData("--upstream", "a=http://a", "--upstream-key-file", "/none/at/all")]
    [InlineData("--upstream", "a=http://a", "--upstream-ignores-max-tokens", "b")]
    public async Task Gateway_refuses_hosts_that_do_not_fit_together(params string[] arguments)
    {
        var (exitCode, _, error) = await MeteringProcess.RunAsync(["gateway", "--data", _folder, .. arguments]);
        Assert.Equal(2, exitCode);
        Assert.Contains("upstream", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_mock_refuses_a_share_above_one()
    {
        var (exitCode, _, error) = await MeteringProcess.RunAsync(["host-mock", "--fail", "1.5"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("FailShare", error, StringComparison.Ordinal);
    }
}
