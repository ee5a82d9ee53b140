using System.ClientModel;
using Metering.Events;
using Metering.Gateway.Admission;
using Metering.Gateway.Forwarding;
using Metering.Gateway.MockHost;
using OpenAI.Chat;

namespace Metering.Gateway.Tests.Admission;

public sealed class AdmissionTests
{
    private const string Ask = """{"model":"mock-model","stream":true,"messages":[{"role":"user","content":"Hi"}]}""";

    [Theory]
    [InlineData(RefusalKind.Rate, 429, "rate_limit_exceeded")]
    [InlineData(RefusalKind.Quota, 429, "insufficient_quota")]
    [InlineData(RefusalKind.ModelNotAllowed, 403, "model_not_found")]
    [InlineData(RefusalKind.Unbounded, 400, "")]
    [InlineData(RefusalKind.Unavailable, 503, "unavailable")]
    public async Task Refusal_is_answered_as_openai_does_and_is_a_rejected_event(RefusalKind kind, int status, string code)
    {
        var admission = new ScriptedAdmission { Refusal = new Refusal(kind, "Your team has used its tokens.", TimeSpan.FromSeconds(1.2), new RateLimitFigures { LimitTokens = 1000, RemainingTokens = 3, ResetTokens = TimeSpan.FromSeconds(61) }) };
        await using var bench = await GatewayBench.StartAsync(admission: admission);
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(status, (int)answer.StatusCode);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.Contains("Your team has used its tokens.", body, StringComparison.Ordinal);
        Assert.Contains(code, body, StringComparison.Ordinal);
        Assert.Equal(["2", "1200", "1000", "3", "1m1s"], new[] { "retry-after", "retry-after-ms", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens" }.Select(h => Assert.Single(answer.Headers.GetValues(h))));
        Assert.Equal(kind == RefusalKind.Quota, answer.Headers.Contains("x-should-retry"));
        Assert.Equal(Status.Rejected, (await bench.EventAsync()).Status);
        Assert.Equal(0, bench.Mock.Stats.Requests);
        Assert.Empty(admission.Settled);
    }

    [Fact]
    public async Task Permit_is_settled_once_with_the_tokens_of_the_event_and_its_lease_stands_in_it()
    {
        var admission = new ScriptedAdmission { LeaseId = "l-7", Limits = new RateLimitFigures { LimitRequests = 10, RemainingRequests = 9 } };
        await using var bench = await GatewayBench.StartAsync(admission: admission);
        ClientResult<ChatCompletion> answer = await bench.Chat().CompleteChatAsync("Hi");
        Assert.True(answer.GetRawResponse().Headers.TryGetValue("x-ratelimit-remaining-requests", out var left));
        Assert.Equal("9", left);
        var e = await bench.EventAsync();
        var settled = Assert.Single(admission.Settled);
        Assert.Equal(("l-7", e.InputTokens, e.OutputTokens, false, true), (e.LeaseId, settled.InputTokens, settled.OutputTokens, settled.IsEstimated, settled.WasServed));
        Assert.NotNull(e.AdmittedAtMicros);
        // Two bytes of text, a message and a template (R28).
        Assert.Equal(2 + 8 + 24, Assert.Single(admission.Asked).Prompt.Tokens());
    }

    [Fact]
    public async Task Largest_answer_that_is_paid_for_is_sent_to_the_host_unless_the_client_wants_less_R28()
    {
        var admission = new ScriptedAdmission { MaxOutputTokens = 9 };
        await using var bench = await GatewayBench.StartAsync(admission: admission);
        await bench.StreamAsync(Ask);
        await bench.StreamAsync(Ask.Replace("\"stream\"", "\"max_tokens\":500,\"stream\"", StringComparison.Ordinal));
        await bench.StreamAsync(Ask.Replace("\"stream\"", "\"max_tokens\":4,\"stream\"", StringComparison.Ordinal));
        Assert.Equal([9, 9, 4], (await bench.Journal.EventsAsync(3)).Select(e => e.OutputTokens));
        Assert.Equal([null, 500, 4], admission.Asked.Select(a => a.Max));
    }

    [Fact]
    public async Task Stream_that_outruns_its_permit_is_cut_with_a_proper_end_R28()
    {
        var admission = new ScriptedAdmission { Allowance = 6 };
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HonoursMaxTokens = false, DefaultTokens = 5000, TokensPerSecond = 1000 }, admission,
            o => o with { Upstreams = [o.Upstreams[0] with { HonoursMaxTokens = false }] });
        var (text, finish) = ("", (ChatFinishReason?)null);
        await foreach (var update in bench.Chat().CompleteChatStreamingAsync("Hi"))
        {
            text += string.Concat(update.ContentUpdate.Select(p => p.Text));
            finish = update.FinishReason ?? finish;
        }
        Assert.Equal(ChatFinishReason.Length, finish);
        var delivered = text.Split(" token").Length - 1;
        Assert.InRange(delivered, 1, 6);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Cut, true), (e.Status, e.TokensEstimated));
        Assert.InRange(e.OutputTokens, delivered, (await bench.SettledAsync()).CompletionTokens);
        Assert.Equal(1, bench.Mock.Stats.HungUp);
        Assert.True(Assert.Single(admission.Settled).IsEstimated);
    }

    [Fact]
    public async Task Cut_stream_ends_with_done_after_the_usage_that_was_asked_for()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { TokensPerSecond = 1000, DefaultTokens = 1000 }, new ScriptedAdmission { Allowance = 3 });
        var text = await bench.StreamAsync(Ask.Replace("\"stream\":true", "\"stream\":true,\"n\":2,\"stream_options\":{\"include_usage\":true}", StringComparison.Ordinal));
        Assert.Equal(2, text.Split("\"finish_reason\":\"length\"").Length - 1);
        Assert.Contains("\"usage\":{\"prompt_tokens\":", text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_that_is_not_reached_settles_as_not_served()
    {
        var admission = new ScriptedAdmission();
        await using var bench = await GatewayBench.StartAsync(admission: admission, configure: o => o with { Upstreams = [new UpstreamOptions { Name = "gone", Url = new Uri("http://127.0.0.1:1/v1") }] });
        using var answer = await bench.PostAsync(Ask);
        Assert.False(Assert.Single(admission.Settled).WasServed);
    }

    [Fact]
    public async Task Provider_before_a_model_chooses_the_host()
    {
        var admission = new ScriptedAdmission();
        await using var other = await MockModelHost.StartAsync();
        await using var bench = await GatewayBench.StartAsync(admission: admission, configure: o => o with { Upstreams = [o.Upstreams[0], new UpstreamOptions { Name = "other", Url = new Uri(other.Address + "/v1/") }] });
        await bench.StreamAsync(Ask.Replace("mock-model", "other/big", StringComparison.Ordinal));
        await bench.StreamAsync(Ask.Replace("mock-model", "unknown/big", StringComparison.Ordinal));
        Assert.Equal([("big", "other"), ("unknown/big", "mock")], admission.Asked.Select(a => (a.Model, a.Provider)));
        Assert.Equal((1, 1), (other.Stats.Requests, bench.Mock.Stats.Requests));
        Assert.Equal(["big", "unknown/big"], (await bench.Journal.EventsAsync(2)).Select(e => e.ServedModel));
        using var models = await bench.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, bench.Gateway.Address + "/v1/models") { Headers = { { "authorization", "Bearer " + GatewayBench.Secret } } });
        var list = await models.Content.ReadAsStringAsync();
        Assert.Contains("\"id\":\"mock-model\"", list, StringComparison.Ordinal);
        Assert.Contains("\"id\":\"other/mock-model\"", list, StringComparison.Ordinal);
    }
}
