using System.Text;
using Metering.Gateway.Streams;

namespace Metering.Gateway.Tests.Streams;

public sealed class StreamObserverTests
{
    [Theory]
    [InlineData("a\n", -1)]
    [InlineData("a\n\nb", 3)]
    [InlineData("a\r\n\r\nb", 5)]
    [InlineData("a\r\n\r", -1)]
    [InlineData("a\nb\n\n", 5)]
    [InlineData("\n\n", 2)]
    public void FindEnd_finds_the_empty_line(string text, int expected) => Assert.Equal(expected, SseScanner.FindEnd(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n", true)]
    [InlineData("data:{\"usage\" : {\"completion_tokens\":4,\"prompt_tokens\":3}, \"choices\" : [ ]}\r\n\r\n", true)]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{}\"}}],\"usage\":null}\n\n", false)]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n", false)]
    [InlineData(": ping\n\n", false)]
    [InlineData("event: x\ndata: nothing\n\n", false)]
    [InlineData("data: {\"choices\":[]}\n\n", false)]
    public void Observe_strips_the_chunk_of_usage_and_nothing_else(string sse, bool strips)
    {
        using var observer = new StreamObserver(1, stripsUsage: true, honoursMaxTokens: true);
        Assert.Equal(strips ? EventFate.Strip : EventFate.Pass, observer.Observe(Encoding.UTF8.GetBytes(sse), long.MaxValue));
        if (strips)
            Assert.Equal((3, 4, true), (observer.Usage!.Value.InputTokens, observer.Usage.Value.OutputTokens, observer.UsageIsFinal));
    }

    [Fact]
    public void Observe_collects_contents_reasoning_and_tool_calls()
    {
        using var observer = new StreamObserver(1, stripsUsage: true, honoursMaxTokens: true);
        foreach (var delta in (string[])["{\"role\":\"assistant\",\"content\":\"\"}", "{\"content\":\"a\\n\\u00e9\"}", "{\"reasoning_content\":\"b\"}", "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"])
            observer.Observe(Encoding.UTF8.GetBytes($"data: {{\"id\":\"x\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"), long.MaxValue);
        Assert.Equal("a\n\u00e9bf{}", Encoding.UTF8.GetString(observer.Text.Span));
        Assert.Equal((3, "m", "x", false), (observer.OutputTokens, observer.Model, observer.Id, observer.IsFinished));
    }

    [Fact]
    public void Observe_knows_each_choice_that_has_finished()
    {
        using var observer = new StreamObserver(2, stripsUsage: true, honoursMaxTokens: true);
        observer.Observe("data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"u8, long.MaxValue);
        Assert.Equal((false, true, false), (observer.IsFinishedChoice(0), observer.IsFinishedChoice(1), observer.IsFinished));
        observer.Observe("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"u8, long.MaxValue);
        Assert.True(observer.IsFinished);
        observer.Observe("data: [DONE]\n\n"u8, long.MaxValue);
        Assert.True(observer.IsDone);
    }

    [Theory]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":4}}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":99999999999999999999}}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{\n\n")]
    [InlineData("data: {\"delta\":\n\n")]
    public void Observe_of_broken_chunks_makes_no_usage_and_does_not_throw(string sse)
    {
        using var observer = new StreamObserver(1, stripsUsage: true, honoursMaxTokens: true);
        observer.Observe(Encoding.UTF8.GetBytes(sse), long.MaxValue);
        Assert.Null(observer.Usage);
    }

    [Fact]
    public void Observe_clamps_details_that_contradict_their_sums()
    {
        using var observer = new StreamObserver(1, stripsUsage: true, honoursMaxTokens: true);
        observer.Observe("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":9},\"completion_tokens_details\":{\"reasoning_tokens\":9}}}\n\n"u8, long.MaxValue);
        Assert.Equal((3, 4), (observer.Usage!.Value.CachedInputTokens, observer.Usage.Value.ReasoningTokens));
    }
}
