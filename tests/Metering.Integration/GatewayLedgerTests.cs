using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Metering.Integration.Running;
using Metering.Testing;

namespace Metering.Integration;

/// <summary>What clients were told, what the model host did and what the ledger holds are the same tokens.</summary>
public sealed class GatewayLedgerTests(ITestOutputHelper output)
{
    private const int Clients = 8;

    private long _answered, _promptTokens, _completionTokens;

    [Fact]
    public async Task Clients_host_and_ledger_agree_to_the_token_while_keys_and_policies_change_and_no_request_is_dropped()
    {
        await using var stand = Stand.OnLocalBroker();
        var (_, addresses) = await stand.ReadyUpAsync();
        using var client = new HttpClient { BaseAddress = new Uri(addresses.Gateway!) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(stand.Folder, "up", "demo-key"))).Trim());

        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, Clients).Select(i => AskAsync(client, i, stop.Token)).ToList();
        await ChangeAsync(stand);
        await stop.CancelAsync();
        await Task.WhenAll(asking);

        await stand.AddsUpAsync();
        var told = $"{_answered}\t{_promptTokens}\t{_completionTokens}";
        output.WriteLine($"requests, prompt and completion tokens: {told}");
        Assert.True(_answered >= 100, told);
        Assert.Equal(told, await HostAsync(client, addresses.Host!));
        Assert.Equal(told, await stand.QueryAsync("SELECT count(), sum(input_tokens), sum(output_tokens) FROM metering.token_events WHERE status = 'ok' AND NOT tokens_estimated"));
        Assert.Equal(told.Split('\t')[0], await stand.QueryAsync("SELECT count() FROM metering.token_events"));
    }

    private static async Task ChangeAsync(Stand stand)
    {
        string[] where = ["--json", "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix, "--registry", stand.Registry];
        var file = Path.Combine(stand.Folder, "policies.yaml");
        await File.WriteAllTextAsync(file, """
            policies:
              - name: wide
                match: { tenant: each }
                limit: { tokens: 50_000_000, per: second }
                steps: [{ at: 0.5, action: throttle, tokens_per_second: 25_000_000 }, { at: 1, action: deny }]
            """);
        foreach (var change in (string[][])[["key", "create", "--tenant", "other", "--id", "other"], ["policy", "apply", file], ["key", "block", "other"], ["policy", "delete", "wide"]])
            (await stand.Start([.. change, .. where]).EndAsync()).Succeeded();
    }

    private async Task AskAsync(HttpClient client, int number, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var stream = (i + number) % 2 == 0;
            var body = $$$"""{"model":"gpt-4o","max_tokens":{{{1 + ((number + i) % 40)}}},"stream":{{{(stream ? """true,"stream_options":{"include_usage":true}""" : "false")}}},"messages":[{"role":"user","content":"number {{{i}}}"}]}""";
            using var answer = await client.PostAsync("/v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"), CancellationToken.None);
            var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
            var usage = UsageOf(text, stream);
            Interlocked.Increment(ref _answered);
            Interlocked.Add(ref _promptTokens, usage.GetProperty("prompt_tokens").GetInt64());
            Interlocked.Add(ref _completionTokens, usage.GetProperty("completion_tokens").GetInt64());
            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static JsonElement UsageOf(string text, bool stream)
    {
        var json = stream ? text.Split("data: ").Last(static chunk => chunk.Contains("\"usage\":{", StringComparison.Ordinal)) : text;
        return JsonDocument.Parse(json).RootElement.GetProperty("usage");
    }

    private static async Task<string> HostAsync(HttpClient client, string host)
    {
        var stats = JsonDocument.Parse(await client.GetStringAsync(host + "/stats")).RootElement;
        return $"{stats.GetProperty("completed")}\t{stats.GetProperty("prompt_tokens")}\t{stats.GetProperty("completion_tokens")}";
    }
}
