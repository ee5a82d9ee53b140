using System.Buffers;
using System.Text;
using System.Text.Json;
using Metering.Gateway.Streams;

namespace Metering.Gateway.Tests.Streams;

public sealed class AnswerAssemblerTests
{
    private static JsonElement Assemble(int choices, params string[] chunks)
    {
        var assembler = new AnswerAssembler(choices);
        foreach (var chunk in chunks)
            Assert.True(assembler.TryAdd(Encoding.UTF8.GetBytes(chunk)), chunk);
        var answer = new ArrayBufferWriter<byte>();
        assembler.WriteTo(answer, "asked-for", null);
        return JsonDocument.Parse(answer.WrittenMemory).RootElement;
    }

    [Fact]
    public void Contents_reasoning_and_usage_are_those_of_the_chunks()
    {
        var answer = Assemble(1,
            """{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}""",
            """{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}""",
            """{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"a \"b\""},"logprobs":{"content":[{"token":"a"}]},"finish_reason":null}]}""",
            """{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"content":" ü"},"logprobs":{"content":[{"token":"b"}]},"finish_reason":"stop"}],"usage":null}""",
            """{"id":"c1","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}""");

        Assert.Equal(("c1", 7, "m", "chat.completion"), (answer.GetProperty("id").GetString(), answer.GetProperty("created").GetInt32(), answer.GetProperty("model").GetString(), answer.GetProperty("object").GetString()));
        var choice = Assert.Single(answer.GetProperty("choices").EnumerateArray());
        Assert.Equal("""{"role":"assistant","content":"a \u0022b\u0022 \u00FC","reasoning_content":"hm"}""", choice.GetProperty("message").GetRawText());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(2, choice.GetProperty("logprobs").GetProperty("content").GetArrayLength());
        Assert.Equal(7, answer.GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public void Tool_calls_are_put_together_by_their_index()
    {
        var answer = Assemble(1,
            """{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"t0","type":"function","function":{"name":"find","arguments":""}}]}}]}""",
            """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"t1","type":"function","function":{"name":"say","arguments":"{}"}}]}}]}""",
            """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}""",
            """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}""");

        var message = answer.GetProperty("choices")[0].GetProperty("message");
        Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
        var calls = message.GetProperty("tool_calls").EnumerateArray().Select(call => (call.GetProperty("id").GetString(), call.GetProperty("function").GetProperty("name").GetString(), call.GetProperty("function").GetProperty("arguments").GetString()));
        Assert.Equal([("t0", "find", "{\"a\":1}"), ("t1", "say", "{}")], calls);
        Assert.Equal("asked-for", answer.GetProperty("model").GetString());
    }

    [Fact]
    public void Choices_lie_in_their_order_and_what_is_no_choice_is_left_out()
    {
        var answer = Assemble(2,
            """{"choices":[{"index":1,"delta":{"content":"one"}},{"index":0,"delta":{"content":"zero"},"finish_reason":"stop"},{"index":9,"delta":{"content":"x"}},{"index":"no"},7]}""",
            """{"choices":"none","usage":3}""");
        Assert.Equal(["zero", "one"], answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("message").GetProperty("content").GetString()));
        Assert.Equal(["stop", "length"], answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("finish_reason").GetString()));
        Assert.False(answer.TryGetProperty("usage", out _));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"choices\":[{\"delta\":{\"content\":\"\\ud800\"}}]}")]
    public void What_is_no_chunk_is_told(string data) => Assert.False(new AnswerAssembler(1).TryAdd(Encoding.UTF8.GetBytes(data)));
}
