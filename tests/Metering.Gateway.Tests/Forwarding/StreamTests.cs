using System.Net.Sockets;
using System.Text;
using Metering.Events;
using Metering.Gateway.Forwarding;
using Metering.Gateway.MockHost;

namespace Metering.Gateway.Tests.Forwarding;

public sealed class StreamTests
{
    private const string Ask = """{"model":"mock-model","stream":true,"max_tokens":12,"messages":[{"role":"user","content":"Hi"}]}""";

    [Fact]
    public async Task Stream_without_include_usage_is_metered_by_it_and_the_client_does_not_see_it()
    {
        await using var bench = await GatewayBench.StartAsync();
        var text = await bench.StreamAsync(Ask);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("usage", text, StringComparison.Ordinal);
        Assert.Equal(12, text.Split("\" token\"").Length - 1);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, 12, false), (e.Status, e.OutputTokens, e.TokensEstimated));
    }

    [Fact]
    public async Task Stream_with_include_usage_keeps_its_chunk()
    {
        await using var bench = await GatewayBench.StartAsync();
        var text = await bench.StreamAsync(Ask.Replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}", StringComparison.Ordinal));
        Assert.Contains("\"completion_tokens\":12", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_with_include_usage_false_is_metered_all_the_same()
    {
        await using var bench = await GatewayBench.StartAsync();
        var text = await bench.StreamAsync(Ask.Replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":false}", StringComparison.Ordinal));
        Assert.DoesNotContain("usage", text, StringComparison.Ordinal);
        Assert.False((await bench.EventAsync()).TokensEstimated);
    }

    [Fact]
    public async Task Stream_of_a_host_without_usage_is_counted_by_tokenizer()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { ReportsUsage = false, TokensPerChunk = 4 });
        await bench.StreamAsync(Ask);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, 12, true), (e.Status, e.OutputTokens, e.TokensEstimated));
        // "Hi" is one token; four for the message, three for the reply.
        Assert.Equal(8, e.InputTokens);
    }

    [Fact]
    public async Task Whole_answer_of_a_host_without_usage_is_counted_by_tokenizer()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { ReportsUsage = false });
        using var answer = await bench.PostAsync(Ask.Replace("\"stream\":true,", "", StringComparison.Ordinal));
        Assert.True(answer.IsSuccessStatusCode);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, 12, true), (e.Status, e.OutputTokens, e.TokensEstimated));
    }

    [Fact]
    public async Task Chunks_pass_one_by_one_as_the_host_sends_them()
    {
        // The host waits for us after its first tokens: a gateway that gathered would never show them.
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 2 });
        using var answer = await bench.PostAsync(Ask);
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var text = "";
        var buffer = new byte[4096];
        while (text.Split("\" token\"").Length - 1 < 2)
            text += Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer));
        Assert.Equal(1, bench.Gateway.Active);
    }

    [Fact]
    public async Task Client_that_hangs_up_cuts_the_upstream_and_what_came_is_metered()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { TokensPerSecond = 100 });
        var long5000 = Ask.Replace("\"max_tokens\":12", "\"max_tokens\":5000", StringComparison.Ordinal);
        using (var answer = await bench.PostAsync(long5000))
        {
            await using var stream = await answer.Content.ReadAsStreamAsync();
            await stream.ReadExactlyAsync(new byte[1000]);
        }
        var e = await bench.EventAsync();
        var stats = await bench.SettledAsync();
        Assert.Equal((Status.Cancelled, true, 1), (e.Status, e.TokensEstimated, stats.HungUp));
        Assert.InRange(stats.CompletionTokens, 3, 4000);
        // One chunk may be on its way when the host notices, and one when the gateway does.
        Assert.InRange(e.OutputTokens, Math.Max(1, stats.CompletionTokens - 100), stats.CompletionTokens);
    }

    [Fact]
    public async Task Client_that_hangs_up_before_the_answer_is_metered_with_its_prompt()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 0 });
        using (var client = new TcpClient("127.0.0.1", bench.Gateway.Port) { NoDelay = true })
        {
            var body = Encoding.UTF8.GetBytes(Ask);
            await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {GatewayBench.Secret}\r\ncontent-length: {body.Length}\r\n\r\n"));
            await client.GetStream().WriteAsync(body);
            while (bench.Mock.Stats.PromptTokens == 0)
                await Task.Delay(5);
        }
        var e = await bench.EventAsync();
        Assert.Equal((Status.Cancelled, true, 8, 0), (e.Status, e.TokensEstimated, e.InputTokens, e.OutputTokens));
        Assert.Equal(1, (await bench.SettledAsync()).HungUp);
    }

    [Fact]
    public async Task Host_that_is_not_there_answers_502_and_costs_nothing()
    {
        await using var bench = await GatewayBench.StartAsync(configure: o => o with { Upstreams = [new UpstreamOptions { Name = "gone", Url = new Uri("http://127.0.0.1:1") }] });
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(502, (int)answer.StatusCode);
        Assert.Contains("upstream_unreachable", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, 0, 0, false, "gone"), (e.Status, e.InputTokens, e.OutputTokens, e.TokensEstimated, e.Provider));
    }

    [Fact]
    public async Task Host_that_says_nothing_is_answered_504_and_its_prompt_is_metered()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 0 }, configure: o => o with { AnswerTimeout = TimeSpan.FromMilliseconds(100) });
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(504, (int)answer.StatusCode);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, true, 8), (e.Status, e.TokensEstimated, e.InputTokens));
    }

    [Fact]
    public async Task Host_that_stops_in_mid_stream_breaks_the_clients_stream_and_what_came_is_metered()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 5 }, configure: o => o with { IdleTimeout = TimeSpan.FromMilliseconds(100) });
        var text = await bench.StreamAsync(Ask);
        Assert.DoesNotContain("[DONE]", text, StringComparison.Ordinal);
        Assert.Contains("!!", text, StringComparison.Ordinal);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, true, 5), (e.Status, e.TokensEstimated, e.OutputTokens));
    }

    [Fact]
    public async Task Host_that_cuts_a_whole_answer_is_answered_502()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { CutShare = 1 });
        using var answer = await bench.PostAsync(Ask.Replace("\"stream\":true,", "", StringComparison.Ordinal));
        Assert.Equal(502, (int)answer.StatusCode);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Error, true, 8), (e.Status, e.TokensEstimated, e.InputTokens));
    }

    [Fact]
    public async Task Host_that_refuses_the_gateways_key_is_answered_502_and_its_words_stay_here()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { FailShare = 1, FailStatus = 401 });
        using var answer = await bench.PostAsync(Ask);
        Assert.Equal(502, (int)answer.StatusCode);
        Assert.DoesNotContain("the mock", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Choices_are_added_up()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.StreamAsync(Ask.Replace("\"stream\":true", "\"stream\":true,\"n\":3", StringComparison.Ordinal));
        Assert.Equal(36, (await bench.EventAsync()).OutputTokens);
        Assert.Equal(36, bench.Mock.Stats.CompletionTokens);
    }

    [Fact]
    public async Task Chunks_do_not_wait_for_acknowledgements()
    {
        // Nagle's algorithm on either side holds every other chunk back for 40 ms: 60 chunks would take 1.2 s and more instead of 0.3.
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { TokensPerSecond = 200 });
        var gaps = new List<TimeSpan>();
        using var answer = await bench.PostAsync(Ask.Replace("\"max_tokens\":12", "\"max_tokens\":60", StringComparison.Ordinal));
        await using var stream = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[4096];
        var last = System.Diagnostics.Stopwatch.GetTimestamp();
        while (await stream.ReadAsync(buffer) > 0)
        {
            gaps.Add(System.Diagnostics.Stopwatch.GetElapsedTime(last));
            last = System.Diagnostics.Stopwatch.GetTimestamp();
        }
        // Loosely: a busy machine delays some, Nagle half of them.
        Assert.True(gaps.Count(g => g > TimeSpan.FromMilliseconds(35)) < gaps.Count / 3, string.Join(' ', gaps.Select(g => g.TotalMilliseconds)));
    }
}
