using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>The loop closed: policies, the governor, leases and gateways as processes, before a mock model host whose own totals are
/// the truth.</summary>
public sealed class HardLimitTests(ITestOutputHelper output)
{
    private const int Limit = 60_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_hard_limit_is_never_passed_under_parallel_clients_and_kills_of_a_gateway_and_of_the_governor_R23_to_R30()
    {
        await using var stand = Stand.OnLocalBroker();
        var (up, _) = await stand.ReadyUpAsync();
        var mock = stand.Start(["host-mock", "--json", "--host-port", "0", "--tokens-per-second", "400"]);
        var host = (await mock.ReadyAsync()).Host!;
        var (a, b) = (Gateway(stand, "a", host), Gateway(stand, "b", host));
        var addresses = new[] { (await a.ReadyAsync()).Gateway!, (await b.ReadyAsync()).Gateway! };
        using var client = await ClientAsync(stand);
        await ApplyAsync(stand, client, addresses);

        using var stop = new CancellationTokenSource();
        var served = Enumerable.Range(0, 60).Select(i => AskAsync(client, addresses, i, stop.Token)).ToList();
        await Stand.UntilAsync(async () => await ServedAsync(client, host) > Limit / 6, Patience, "a sixth of the limit is used");
        await b.KillAsync(); // with all that it holds
        addresses[1] = addresses[0];
        await Stand.UntilAsync(async () => await ServedAsync(client, host) > Limit / 3, Patience, "a third of the limit is used");
        await up.KillAsync(); // the governor, and the broker with it
        await stand.ReadyUpAsync();
        await Stand.UntilAsync(async () => await ServedAsync(client, host) > Limit / 2, Patience, "half of the limit is used");
        await Stand.UntilAsync(() => Task.FromResult(Volatile.Read(ref _refused) > 300), Patience, "the limit is used up");
        await stop.CancelAsync();
        await Task.WhenAll(served);

        var total = await ServedAsync(client, host);
        output.WriteLine($"{total} of {Limit} tokens were served, {_answered} requests were answered, {_refused} refused, {_failed} met a gateway that was gone");
        Assert.InRange(total, Limit / 2, Limit);
        (await a.StopAsync()).Succeeded();
        var atOnce = total;
        total = await ServedAsync(client, host); // with what was under way when the clients left
        output.WriteLine($"{total - atOnce} more were served to clients that had left");
        Assert.InRange(total, Limit / 2, Limit);
        // The restarted governor's decisions and their sink may still be on the way.
        await Stand.UntilAsync(async () => await stand.Ledger.NumberAsync("SELECT count() FROM metering.decisions WHERE policy = 'acme-watched'") > 0, Patience, "a decision is in the ledger");
        Assert.Equal(0, await stand.Ledger.NumberAsync("SELECT max(enforce) FROM metering.decisions WHERE policy = 'acme-watched'"));
        await Dashboard.EveryPanelShowsSomethingAsync(Project.File("dashboards", "live.json"), stand.Ledger);
        Assert.True(await stand.Ledger.NumberAsync("SELECT sum(input_tokens + output_tokens) FROM metering.token_events WHERE status = 'ok'") is var ok && ok <= total, $"{ok} of {total}");
    }

    private int _answered, _refused, _failed;

    private static MeteringProcess Gateway(Stand stand, string name, string host) => stand.Start([
        "gateway", "--json", "--name", name, "--gateway-port", "0", "--server-port", "0", "--upstream", host, "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix,
        "--registry", stand.Registry, "--data", Path.Combine(stand.Folder, "gateway-" + name)]);

    private static async Task<HttpClient> ClientAsync(Stand stand)
    {
        var key = (await stand.Start(["key", "create", "--tenant", "acme", "--json", "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix, "--registry", stand.Registry]).EndAsync()).Succeeded();
        var client = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) });
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Last.GetProperty("secret").GetString());
        return client;
    }

    private static async Task ApplyAsync(Stand stand, HttpClient client, string[] addresses)
    {
        var file = Path.Combine(stand.Folder, "policies.yaml");
        await File.WriteAllTextAsync(file, $$"""
            policies:
              - name: acme-per-day
                match: { tenant: acme }
                limit: { tokens: {{Limit}}, per: day, hard: true }
              - name: acme-watched
                match: { tenant: acme }
                limit: { tokens: {{Limit}}, per: day }
                steps: [{ at: 0.1, action: cap_output, max_output_tokens: 10 }]
                mode: shadow
            """);
        (await stand.Start(["policy", "apply", file, "--json", "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix, "--registry", stand.Registry]).EndAsync()).Succeeded();
        foreach (var address in addresses)
        {
            await Stand.UntilAsync(async () =>
            {
                using var answer = await PostAsync(client, address, 1, CancellationToken.None);
                return answer.Headers.Contains("x-ratelimit-limit-tokens"); // R30: in force everywhere at its effective_at
            }, Patience, "the limit is in force at " + address);
        }
    }

    private async Task AskAsync(HttpClient client, string[] addresses, int number, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var answer = await PostAsync(client, addresses[number % 2], 40 + number, stop);
                if (answer.StatusCode == HttpStatusCode.OK)
                    Interlocked.Increment(ref _answered);
                else
                    await RefusedAsync(answer, stop);
            }
            catch (HttpRequestException)
            {
                Interlocked.Increment(ref _failed);
                await Task.Delay(50, CancellationToken.None);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task RefusedAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        // 503: control is not to be had yet, or nothing can be recorded.
        Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.TooManyRequests, HttpStatusCode.ServiceUnavailable });
        if (answer.StatusCode == HttpStatusCode.TooManyRequests)
        {
            var error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(stop)).RootElement.GetProperty("error");
            Assert.Equal("insufficient_quota", error.GetProperty("code").GetString());
            Interlocked.Increment(ref _refused);
        }
        await Task.Delay(100, CancellationToken.None);
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string address, int maxTokens, CancellationToken stop) =>
        client.PostAsync(address + "/v1/chat/completions", new StringContent($$"""{"model":"gpt-4o","max_tokens":{{maxTokens}},"messages":[{"role":"user","content":"hello there"}]}""", Encoding.UTF8, "application/json"), stop);

    private static async Task<long> ServedAsync(HttpClient client, string host)
    {
        var stats = JsonDocument.Parse(await client.GetStringAsync(host + "/stats")).RootElement;
        return stats.GetProperty("prompt_tokens").GetInt64() + stats.GetProperty("completion_tokens").GetInt64();
    }
}
