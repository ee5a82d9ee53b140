using System.Text.Json;
using Metering.Integration.Running;

namespace Metering.Benchmarks.Loop;

/// <summary>Gateways as processes before one mock model host, whose own totals are the truth of what was served.</summary>
internal sealed class LoopGateways : IDisposable
{
    private readonly LoopStand _stand;
    private readonly string _host;
    private readonly MeteringProcess[] _gateways;
    private readonly HttpClient _stats = new();

    private LoopGateways(LoopStand stand, string host, int count)
    {
        (_stand, _host) = (stand, host);
        (_gateways, Addresses) = (new MeteringProcess[count], new string[count]);
    }

    /// <summary>By number; changes when a gateway starts again.</summary>
    public string[] Addresses { get; }

    /// <param name="mock">Of the host's behaviour.</param>
    public static async Task<LoopGateways> StartAsync(LoopStand stand, int count, params string[] mock)
    {
        var host = stand.Processes.Start(["host-mock", "--json", "--host-port", "0", .. mock]);
        var gateways = new LoopGateways(stand, (await host.ReadyAsync()).Host!, count);
        await Task.WhenAll(Enumerable.Range(0, count).Select(gateways.StartAsync));
        return gateways;
    }

    /// <summary>Also again, after it was killed.</summary>
    public async Task StartAsync(int number)
    {
        var name = "gateway-" + (char)('a' + number);
        _gateways[number] = _stand.Processes.Start([
            "gateway", "--json", "--name", name, "--gateway-port", "0", "--server-port", "0", "--upstream", _host, "--data", Path.Combine(_stand.Processes.Folder, name), .. _stand.Topics]);
        Addresses[number] = (await _gateways[number].ReadyAsync()).Gateway!;
    }

    public Task KillAsync(int number) => _gateways[number].KillAsync();

    /// <summary>A client with a new key of each tenant.</summary>
    public async Task<LoopClient[]> ClientsAsync(params string[] tenants)
    {
        var clients = new List<LoopClient>();
        foreach (var tenant in tenants)
            clients.Add(new LoopClient(tenant, (await _stand.RunAsync("key", "create", "--tenant", tenant)).Succeeded().Last.GetProperty("secret").GetString()!));
        return [.. clients];
    }

    /// <summary>Tokens that the host has taken up and produced.</summary>
    public async Task<long> ServedAsync()
    {
        var stats = JsonDocument.Parse(await _stats.GetStringAsync(_host + "/stats")).RootElement;
        return stats.GetProperty("prompt_tokens").GetInt64() + stats.GetProperty("completion_tokens").GetInt64();
    }

    public void Dispose() => _stats.Dispose();
}
