using System.Text.Json;
using Metering.Events;
using Metering.Gateway.MockHost;
using Metering.Gateway.Tests.Admission;
using OpenAI.Chat;

namespace Metering.Gateway.Tests.Forwarding;

/// <summary>R28: a host that does not keep to its maximum is streamed from under a hard limit, whatever the client asked for.</summary>
public sealed class AssembledAnswerTests
{
    private const string Ask = """{"model":"mock-model","n":2,"messages":[{"role":"user","content":"Hi"}],"stream":false}""";

    private static Task<GatewayBench> StartAsync(MockBehaviour behaviour, ScriptedAdmission admission) =>
        GatewayBench.StartAsync(behaviour with { HonoursMaxTokens = false }, admission, o => o with { Upstreams = [o.Upstreams[0] with { HonoursMaxTokens = false }] });

    [Fact]
    public async Task An_answer_that_keeps_to_its_permit_comes_whole_with_the_hosts_usage_R28()
    {
        var admission = new ScriptedAdmission { Allowance = 500 };
        await using var bench = await StartAsync(new MockBehaviour { DefaultTokens = 20 }, admission);
        ChatCompletion answer = await bench.Chat().CompleteChatAsync("Hi");

        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.Equal(20, answer.Content[0].Text.Split(" token").Length - 1);
        Assert.Equal(20, answer.Usage.OutputTokenCount);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, 20L, false, false), (e.Status, e.OutputTokens, e.TokensEstimated, e.Streamed));
        Assert.False(Assert.Single(admission.Settled).IsEstimated);
    }

    [Fact]
    public async Task An_answer_that_outruns_its_permit_is_cut_at_the_host_and_says_that_it_was_long_enough_R28()
    {
        var admission = new ScriptedAdmission { Allowance = 8 };
        await using var bench = await StartAsync(new MockBehaviour { DefaultTokens = 5_000, TokensPerSecond = 1_000 }, admission);
        using var answer = await bench.PostAsync(Ask);

        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal("chat.completion", json.RootElement.GetProperty("object").GetString());
        var choices = json.RootElement.GetProperty("choices").EnumerateArray().ToArray();
        Assert.Equal(["length", "length"], choices.Select(choice => choice.GetProperty("finish_reason").GetString()));
        Assert.All(choices, choice => Assert.Equal("assistant", choice.GetProperty("message").GetProperty("role").GetString()));
        Assert.InRange(choices.Sum(choice => choice.GetProperty("message").GetProperty("content").GetString()?.Split(" token").Length - 1 ?? 0), 1, 8);
        Assert.InRange(json.RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt64(), 1, 10);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Cut, true, false), (e.Status, e.TokensEstimated, e.Streamed));
        await bench.SettledAsync();
        Assert.Equal(1, bench.Mock.Stats.HungUp);
    }

    [Fact]
    public async Task Without_a_hard_limit_the_host_is_asked_for_what_the_client_asked_for()
    {
        await using var bench = await StartAsync(new MockBehaviour { DefaultTokens = 20 }, new ScriptedAdmission());
        using var answer = await bench.PostAsync(Ask);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(2, json.RootElement.GetProperty("choices").GetArrayLength());
    }

    [Fact]
    public async Task A_host_that_breaks_off_is_a_502_and_an_event_with_what_had_come()
    {
        var admission = new ScriptedAdmission { Allowance = 500 };
        await using var bench = await StartAsync(new MockBehaviour { DefaultTokens = 20, CutShare = 1, BreakAfterTokens = 5 }, admission);
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(502, (int)answer.StatusCode);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, true), (e.Status, e.TokensEstimated));
    }
}
