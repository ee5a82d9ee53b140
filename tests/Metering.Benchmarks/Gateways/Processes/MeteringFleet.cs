using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>
/// What a gateway of ours is used with, each in a process of its own: model hosts that compute nothing, Kafka and registry, the
/// governor, and the gateway itself, with a key of the topic, a hard limit that pays every request by leases, and a soft one.
/// </summary>
internal sealed class MeteringFleet : IAsyncDisposable
{
    /// <summary>The model of the host that answers at once.</summary>
    public const string FastModel = "mock-model";

    /// <summary>The model of the host that gives a token each 100 ms, as the gateway is asked for it.</summary>
    public const string PacedModel = "paced/mock-model";

    private const string LivesAtMost = "15m";

    private const string Policies = """
        policies:
          - name: bench-per-day
            match: { tenant: bench }
            limit: { tokens: 1_000_000_000_000, per: day, hard: true }
          - name: bench-watched
            match: { tenant: bench }
            limit: { tokens: 1_000_000_000_000, per: minute }
            steps: [{ at: 0.9, action: throttle, tokens_per_second: 1_000_000 }]
        """;

    private static readonly TimeSpan InForceWithin = TimeSpan.FromSeconds(60);

    private readonly Stack<IAsyncDisposable> _started = new();
    private ServicesChild _services = null!;

    private MeteringFleet()
    {
    }

    public int FastPort { get; private set; }

    public int PacedPort { get; private set; }

    public int GatewayPort { get; private set; }

    public int GatewayId { get; private set; }

    public string Secret { get; private set; } = "";

    public static async Task<MeteringFleet> StartAsync(string folder)
    {
        var fleet = new MeteringFleet();
        try
        {
            await fleet.StartAllAsync(folder);
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (_started.TryPop(out var last))
            await last.DisposeAsync();
    }

    private async Task StartAllAsync(string folder)
    {
        _services = await ServicesChild.StartAsync(folder);
        _started.Push(_services);
        (FastPort, _) = await RoleAsync("host", "host-mock", "--host-port", "0");
        (PacedPort, _) = await RoleAsync("host", "host-mock", "--host-port", "0", "--tokens-per-second", "10");
        await RoleAsync("server", ["pipeline", "--stages", "govern", "--partitions", "2", "--server-port", "0", "--name", "governor", "--data", Path.Combine(folder, "governor"), .. Services]);
        Secret = (await CommandAsync("key", "create", "--tenant", "bench")).GetProperty("secret").GetString()!;
        var policies = Path.Combine(folder, "policies.yaml");
        await File.WriteAllTextAsync(policies, Policies);
        await CommandAsync("policy", "apply", policies);
        (GatewayPort, GatewayId) = await RoleAsync("gateway", [
            "gateway", "--gateway-port", "0", "--server-port", "0", "--name", "bench", "--data", Path.Combine(folder, "gateway"),
            "--upstream", Local("fast", FastPort), "--upstream", Local("paced", PacedPort), .. Services]);
        await UntilInForceAsync();
    }

    private string[] Services => ["--brokers", _services.Brokers, "--registry", _services.Registry];

    // Returns the port of the part that is asked for.
    private async Task<(int Port, int Id)> RoleAsync(string part, params string[] arguments)
    {
        var child = Child.StartMetering([.. arguments, "--json", "--log-level", "warning", "--for", LivesAtMost]);
        _started.Push(child);
        var ready = JsonDocument.Parse(await child.ReadLineAsync(static line => line.StartsWith("{\"ready\":", StringComparison.Ordinal))).RootElement.GetProperty("ready");
        child.Drain();
        return (new Uri(ready.GetProperty(part).GetString()!).Port, child.Id);
    }

    private async Task<JsonElement> CommandAsync(params string[] arguments)
    {
        await using var child = Child.StartMetering([.. arguments, "--json", .. Services]);
        return JsonDocument.Parse(await child.ReadLineAsync()).RootElement;
    }

    // A hard limit begins some seconds after it was applied; from then on answers say how much is left.
    private async Task UntilInForceAsync()
    {
        using var limit = new CancellationTokenSource(InForceWithin);
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Secret);
        while (true)
        {
            using var answer = await client.PostAsync(
                string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{GatewayPort}/v1/chat/completions"),
                new StringContent(ChatBody.Whole(FastModel), Encoding.UTF8, "application/json"), limit.Token);
            if (answer.IsSuccessStatusCode && answer.Headers.Contains("x-ratelimit-limit-tokens"))
                return;
            await Task.Delay(100, limit.Token);
        }
    }

    private static string Local(string name, int port) => string.Create(CultureInfo.InvariantCulture, $"{name}=http://127.0.0.1:{port}");
}
