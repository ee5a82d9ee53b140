using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Metering.Client;
using Metering.Events;
using Metering.Integration.Running;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Integration;

/// <summary>A gateway that is killed with leases in hand and requests at its host, and comes back on its spool: what it had on loan is
/// settled by what was metered, long before it would be written off (docs/leases.md).</summary>
public sealed class DeadGatewayTests
{
    private const string Scope = "tenant=acme";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_killed_gateways_leases_are_settled_once_its_successor_has_recovered_its_journal_R29_R4()
    {
        await using var stand = Stand.OnLocalBroker();
        await stand.ReadyUpAsync();
        var host = (await stand.Start(["host-mock", "--json", "--host-port", "0", "--tokens-per-second", "50"]).ReadyAsync()).Host!;
        await ApplyAsync(stand);
        using var client = await ClientAsync(stand);
        await using var view = ControlView.Start(new ControlOptions { Brokers = stand.Brokers, Registry = stand.Registry, TopicPrefix = stand.Prefix }, NullLoggerFactory.Instance, TimeProvider.System);

        var killed = Gateway(stand, host);
        var address = (await killed.ReadyAsync()).Gateway!;
        await ServedAsync(client, address);
        var underWay = Enumerable.Range(0, 5).Select(_ => PostAsync(client, address, 2_000)).ToArray();
        await Stand.UntilAsync(() => Task.FromResult(OnLoan(view).Count > 0), Patience, "a lease is on loan");
        await Task.Delay(TimeSpan.FromSeconds(1));
        await killed.KillAsync();
        await Task.WhenAll(underWay.Select(static request => Assert.ThrowsAnyAsync<HttpRequestException>(() => request)));
        var dead = OnLoan(view);
        Assert.NotEmpty(dead);

        var successor = Gateway(stand, host);
        await ServedAsync(client, (await successor.ReadyAsync()).Gateway!);
        await Stand.UntilAsync(() => Task.FromResult(!OnLoan(view).Overlaps(dead)), Patience, "what the dead gateway had on loan is settled");
        Assert.Equal(5, await stand.Ledger.NumberAsync("SELECT count() FROM metering.token_events WHERE status = 'cut' AND output_tokens = 2000"));
        Assert.Equal(0, view.Decisions.Where(static decision => decision.Action == DecisionAction.Grant).Max(static decision => decision.Because["written_off"]));
        (await successor.StopAsync()).Succeeded();
    }

    private static HashSet<string> OnLoan(ControlView view) =>
        [.. view.Decisions.Where(static decision => decision is { Action: DecisionAction.Grant, LeaseId: not null, Scope: Scope }).Select(static decision => decision.LeaseId!)];

    private static MeteringProcess Gateway(Stand stand, string host) => stand.Start([
        "gateway", "--json", "--name", "mortal", "--gateway-port", "0", "--server-port", "0", "--upstream", host, "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix,
        "--registry", stand.Registry, "--data", Path.Combine(stand.Folder, "gateway-mortal")]);

    private static async Task ApplyAsync(Stand stand)
    {
        var file = Path.Combine(stand.Folder, "policies.yaml");
        await File.WriteAllTextAsync(file, """
            policies:
              - name: acme-per-day
                match: { tenant: acme }
                limit: { tokens: 100000, per: day, hard: true }
            """);
        (await stand.Start(["policy", "apply", file, "--json", "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix, "--registry", stand.Registry]).EndAsync()).Succeeded();
    }

    private static async Task<HttpClient> ClientAsync(Stand stand)
    {
        var key = (await stand.Start(["key", "create", "--tenant", "acme", "--json", "--brokers", stand.Brokers, "--topic-prefix", stand.Prefix, "--registry", stand.Registry]).EndAsync()).Succeeded();
        var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Last.GetProperty("secret").GetString());
        return client;
    }

    // R30: the limit is in force at its effective_at.
    private static Task ServedAsync(HttpClient client, string address) => Stand.UntilAsync(async () =>
    {
        using var answer = await PostAsync(client, address, 5);
        return answer.StatusCode == HttpStatusCode.OK && answer.Headers.Contains("x-ratelimit-limit-tokens");
    }, Patience, "a request is served under the limit");

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string address, int maxTokens) =>
        client.PostAsync(address + "/v1/chat/completions", new StringContent($$"""{"model":"gpt-4o","max_tokens":{{maxTokens}},"messages":[{"role":"user","content":"hello there"}]}""", Encoding.UTF8, "application/json"));
}
