using System.Text.Json;
using Metering.Events;
using Metering.Gateway.Keys;

namespace Metering.Gateway.Tests.Forwarding;

/// <summary>What is refused, with OpenAI's bodies, and which refusals are events.</summary>
public sealed class RefusalTests
{
    private const string Ask = """{"model":"mock-model","messages":[{"role":"user","content":"Hi"}]}""";

    [Fact]
    public async Task Request_without_a_key_is_refused_401()
    {
        await using var bench = await GatewayBench.StartAsync();
        using var answer = await bench.PostAsync(Ask, secret: null);
        Assert.Equal((401, "invalid_api_key"), ((int)answer.StatusCode, await CodeAsync(answer)));
    }

    [Fact]
    public async Task Blocked_key_is_refused_403_and_an_expired_one_401_as_rejected_events()
    {
        await using var bench = await GatewayBench.StartAsync();
        bench.Keys.Set("sk-blocked", new ApiKey { Id = "k_2", Tenant = "acme", IsBlocked = true });
        bench.Keys.Set("sk-old", new ApiKey { Id = "k_3", Tenant = "acme", ExpiresAt = DateTimeOffset.UnixEpoch });
        using var blocked = await bench.PostAsync(Ask, "sk-blocked");
        using var expired = await bench.PostAsync(Ask, "sk-old");
        Assert.Equal((403, 401), ((int)blocked.StatusCode, (int)expired.StatusCode));
        var events = await bench.Journal.EventsAsync(2);
        Assert.Equal(["k_2", "k_3"], events.Select(e => e.ApiKey));
        Assert.All(events, e => Assert.Equal((Status.Rejected, 0), (e.Status, e.InputTokens)));
        Assert.Equal(0, bench.Mock.Stats.Requests);
    }

    [Fact]
    public async Task Model_that_the_key_may_not_use_is_refused_403()
    {
        await using var bench = await GatewayBench.StartAsync();
        bench.Keys.Set("sk-small", new ApiKey { Id = "k_2", Tenant = "acme", Models = System.Collections.Frozen.FrozenSet.ToFrozenSet(["small"]) });
        using var answer = await bench.PostAsync(Ask, "sk-small");
        Assert.Equal((403, "model_not_found"), ((int)answer.StatusCode, await CodeAsync(answer)));
        Assert.Equal((Status.Rejected, "mock-model"), ((await bench.EventAsync()).Status, (await bench.EventAsync()).Model));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"model\":\"m\"")]
    [InlineData("{\"model\":\"m\",\"messages\":\"x\"}")]
    [InlineData("{\"model\":\"m\",\"messages\":[],\"max_tokens\":0}")]
    public async Task Body_that_is_no_chat_request_is_refused_400_as_a_rejected_event(string body)
    {
        await using var bench = await GatewayBench.StartAsync();
        using var answer = await bench.PostAsync(body);
        Assert.Equal(400, (int)answer.StatusCode);
        Assert.Equal("invalid_request_error", (await ErrorAsync(answer)).GetProperty("type").GetString());
        var e = await bench.EventAsync();
        Assert.Equal((Status.Rejected, "unknown"), (e.Status, e.Model));
    }

    [Fact]
    public async Task Body_that_is_too_large_is_refused_413()
    {
        await using var bench = await GatewayBench.StartAsync(configure: o => o with { MaxBodyBytes = 2048 });
        using var answer = await bench.PostAsync(new string(' ', 3000) + Ask);
        Assert.Equal(413, (int)answer.StatusCode);
        Assert.Equal(Status.Rejected, (await bench.EventAsync()).Status);
    }

    [Fact]
    public async Task Unknown_path_is_refused_404_and_a_wrong_method_405()
    {
        await using var bench = await GatewayBench.StartAsync();
        using var unknown = await bench.PostAsync(Ask, path: "/v1/chat/completion");
        using var wrong = await bench.Http.GetAsync(new Uri(bench.Gateway.Address + "/v1/chat/completions"));
        Assert.Equal((404, "unknown_url"), ((int)unknown.StatusCode, await CodeAsync(unknown)));
        Assert.Equal(405, (int)wrong.StatusCode);
    }

    [Fact]
    public async Task Journal_that_refuses_keeps_the_request_from_the_host_R4()
    {
        await using var bench = await GatewayBench.StartAsync(journal: new ListJournal { Refusal = "the spool is full" });
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(503, (int)answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal(0, bench.Mock.Stats.Requests);
    }

    [Fact]
    public async Task Headers_say_route_tags_experiment_and_attempt()
    {
        await using var bench = await GatewayBench.StartAsync();
        using var answer = await bench.PostAsync(Ask, headers: h =>
        {
            h.Add("x-metering-route", "checkout");
            h.Add("x-metering-tags", "team=search, cost_centre=42");
            h.Add("x-metering-experiment", "b");
            h.Add("x-stainless-retry-count", "2");
        });
        var e = await bench.EventAsync();
        Assert.Equal(("checkout", "b", 3), (e.Route, e.Experiment, e.Attempt));
        Assert.Equal(new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = "search", ["cost_centre"] = "42" }, e.Tags);
        Assert.Equal(e.RequestId, Assert.Single(answer.Headers.GetValues("x-request-id")));
    }

    [Theory]
    [InlineData("x-metering-tags", "team")]
    [InlineData("x-metering-tags", "a=1,a=2")]
    [InlineData("x-metering-route", "LONG")]
    public async Task Headers_that_no_event_can_carry_are_refused_400(string name, string value)
    {
        await using var bench = await GatewayBench.StartAsync();
        using var answer = await bench.PostAsync(Ask, headers: h => h.Add(name, value == "LONG" ? new string('r', 513) : value));
        Assert.Equal(400, (int)answer.StatusCode);
        Assert.Equal(Status.Rejected, (await bench.EventAsync()).Status);
    }

    private static async Task<string?> CodeAsync(HttpResponseMessage answer) => (await ErrorAsync(answer)).GetProperty("code").GetString();

    private static async Task<JsonElement> ErrorAsync(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
}
