using System.ClientModel;
using Metering.Events;
using Metering.Gateway.MockHost;
using OpenAI.Chat;

namespace Metering.Gateway.Tests.Forwarding;

/// <summary>OpenAI's own .NET SDK against gateway and mock.</summary>
public sealed class OpenAiSdkTests
{
    [Fact]
    public async Task CompleteChat_answers_and_meters_what_the_host_reported()
    {
        await using var bench = await GatewayBench.StartAsync();
        ChatCompletion answer = await bench.Chat().CompleteChatAsync([ChatMessage.CreateUserMessage("How many tokens is this?")], new ChatCompletionOptions { MaxOutputTokenCount = 7, EndUserId = "u-1" });
        Assert.Equal(7, answer.Usage.OutputTokenCount);
        Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, "acme", "k_1", "mock-model", "mock-model", "mock", "/v1/chat/completions", "u-1"), (e.Status, e.Tenant, e.ApiKey, e.Model, e.ServedModel, e.Provider, e.Route, e.User));
        Assert.Equal((answer.Usage.InputTokenCount, answer.Usage.OutputTokenCount, false, false, 1), (e.InputTokens, e.OutputTokens, e.TokensEstimated, e.Streamed, e.Attempt));
        Assert.True(e.TtftUs >= 0 && e.DurationUs >= e.TtftUs);
        var stats = bench.Mock.Stats;
        Assert.Equal((stats.PromptTokens, stats.CompletionTokens), (e.InputTokens, e.OutputTokens));
    }

    [Fact]
    public async Task CompleteChatStreaming_passes_every_chunk_and_meters_the_usage_that_the_sdk_asks_for()
    {
        await using var bench = await GatewayBench.StartAsync();
        var (text, usages) = ("", new List<ChatTokenUsage>());
        await foreach (var update in bench.Chat().CompleteChatStreamingAsync([ChatMessage.CreateUserMessage("Hi")], new ChatCompletionOptions { MaxOutputTokenCount = 20 }))
        {
            text += string.Concat(update.ContentUpdate.Select(p => p.Text));
            if (update.Usage is not null)
                usages.Add(update.Usage);
        }
        Assert.Equal(string.Concat(Enumerable.Repeat(" token", 20)), text);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, true, 20, false), (e.Status, e.Streamed, e.OutputTokens, e.TokensEstimated));
        Assert.Equal(bench.Mock.Stats.PromptTokens, e.InputTokens);
        Assert.Equal(20, Assert.Single(usages).OutputTokenCount);
    }

    [Fact]
    public async Task CompleteChat_with_an_unknown_key_is_refused_401_and_makes_no_event()
    {
        await using var bench = await GatewayBench.StartAsync();
        var error = await Assert.ThrowsAsync<ClientResultException>(() => bench.Chat(secret: "sk-wrong").CompleteChatAsync("Hi"));
        Assert.Equal(401, error.Status);
        Assert.Contains("Incorrect API key", error.Message, StringComparison.Ordinal);
        Assert.Equal((1, 0), (bench.Gateway.Totals.UnknownKeys, bench.Gateway.Totals.Requests));
        Assert.Equal(0, bench.Mock.Stats.Requests);
    }

    [Fact]
    public async Task CompleteChat_passes_the_hosts_error_on_and_each_attempt_of_the_sdk_is_one_event()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { FailShare = 1, FailStatus = 503 });
        var error = await Assert.ThrowsAsync<ClientResultException>(() => bench.Chat(retries: 1).CompleteChatAsync("Hi"));
        Assert.Equal(503, error.Status);
        Assert.Contains("the mock fails as it was told to", error.Message, StringComparison.Ordinal);
        var events = await bench.Journal.EventsAsync(2);
        Assert.Equal(2, events.Count);
        Assert.All(events, e => Assert.Equal((Status.Error, 0, 0, false), (e.Status, e.InputTokens, e.OutputTokens, e.TokensEstimated)));
    }

    [Fact]
    public async Task CompleteChatStreaming_cut_by_the_host_fails_at_the_client_and_meters_what_came()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { CutShare = 1, BreakAfterTokens = 9 });
        var text = "";
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await foreach (var update in bench.Chat().CompleteChatStreamingAsync("Hi"))
                text += string.Concat(update.ContentUpdate.Select(p => p.Text));
        });
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, true), (e.Status, e.TokensEstimated));
        var stats = await bench.SettledAsync();
        Assert.Equal(9, stats.CompletionTokens);
        Assert.InRange(e.OutputTokens, text.Split(" token").Length - 1, 9);
    }
}
