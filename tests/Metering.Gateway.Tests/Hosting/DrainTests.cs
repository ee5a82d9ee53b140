using Metering.Events;
using Metering.Gateway.MockHost;

namespace Metering.Gateway.Tests.Hosting;

public sealed class DrainTests
{
    private const string Ask = """{"model":"mock-model","stream":true,"max_tokens":40,"messages":[{"role":"user","content":"Hi"}]}""";

    [Fact]
    public async Task Stop_lets_a_stream_end_within_its_budget()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { TokensPerSecond = 200 });
        var stream = bench.StreamAsync(Ask);
        await UnderWayAsync(bench);
        await bench.Gateway.StopAsync(TimeSpan.FromSeconds(60));
        Assert.EndsWith("data: [DONE]\n\n", await stream, StringComparison.Ordinal);
        Assert.Equal((Status.Ok, 40), ((await bench.EventAsync()).Status, (await bench.EventAsync()).OutputTokens));
    }

    [Fact]
    public async Task Stop_cuts_what_outlasts_its_budget_and_meters_it()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 3 });
        var stream = bench.StreamAsync(Ask);
        await UnderWayAsync(bench);
        await bench.Gateway.StopAsync(TimeSpan.FromMilliseconds(50));
        Assert.DoesNotContain("[DONE]", await stream, StringComparison.Ordinal);
        var e = await bench.EventAsync();
        Assert.Equal((Status.Cut, true), (e.Status, e.TokensEstimated));
        Assert.InRange(e.OutputTokens, 0, 3);
    }

    [Fact]
    public async Task Progress_of_a_long_stream_reaches_the_journal_R4()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 3 }, configure: o => o with { ProgressInterval = TimeSpan.FromMilliseconds(10) });
        using (var answer = await bench.PostAsync(Ask))
        {
            for (var i = 0; bench.Journal.Progressed.Count == 0; i++)
            {
                Assert.True(i < 4000, "no progress was told");
                await Task.Delay(5);
            }
        }
        Assert.Equal(3, bench.Journal.Progressed[^1]);
        Assert.Equal(Status.Cancelled, (await bench.EventAsync()).Status);
    }

    private static async Task UnderWayAsync(GatewayBench bench)
    {
        for (var i = 0; bench.Mock.Stats.CompletionTokens == 0; i++)
        {
            Assert.True(i < 4000, "the stream has not begun");
            await Task.Delay(5);
        }
    }
}
