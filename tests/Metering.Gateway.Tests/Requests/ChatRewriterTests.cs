using System.Buffers;
using System.Text;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Tests.Requests;

public sealed class ChatRewriterTests
{
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi \\u00e9\"}]";

    [Theory]
    [InlineData("{\"model\":\"m\"," + Messages + "}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," + Messages + "}")]
    [InlineData("{\"stream_options\":null,\"model\":\"m\"," + Messages + "}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," + Messages + "}")]
    [InlineData("{\"stream_options\":{},\"model\":\"m\"," + Messages + "}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," + Messages + "}")]
    [InlineData("{" + Messages + ",\"stream_options\":{\"x\":1},\"model\":\"m\"}", "{" + Messages + ",\"stream_options\":{\"include_usage\":true,\"x\":1},\"model\":\"m\"}")]
    [InlineData("{\"stream_options\":{\"include_usage\": false },\"model\":\"m\"," + Messages + "}", "{\"stream_options\":{\"include_usage\": true },\"model\":\"m\"," + Messages + "}")]
    [InlineData("{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," + Messages + "}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"," + Messages + "}")]
    public void Apply_asks_for_usage(string body, string expected) => Assert.Equal(expected, Apply(body, new ChatChanges(null, null, "max_completion_tokens", true)));

    [Theory]
    [InlineData("{\"model\":\"m\"," + Messages + "}", "{\"max_tokens\":7,\"model\":\"m\"," + Messages + "}")]
    [InlineData("{\"model\":\"m\",\"max_completion_tokens\" : null," + Messages + "}", "{\"model\":\"m\",\"max_completion_tokens\" : 7," + Messages + "}")]
    [InlineData("{\"max_tokens\":500,\"model\":\"m\"," + Messages + ",\"max_completion_tokens\":900}", "{\"max_tokens\":7,\"model\":\"m\"," + Messages + ",\"max_completion_tokens\":7}")]
    public void Apply_sets_the_largest_answer_under_the_name_that_is_there_R28(string body, string expected) =>
        Assert.Equal(expected, Apply(body, new ChatChanges(null, 7, "max_tokens", false)));

    [Fact]
    public void Apply_changes_everything_at_once_and_finds_the_messages_again()
    {
        const string body = "{ \"max_tokens\":500 , " + Messages + ",\"stream_options\":{}, \"model\":\"openai/m\\u0041\"}";
        Assert.Equal("{ \"max_tokens\":7 , " + Messages + ",\"stream_options\":{\"include_usage\":true}, \"model\":\"mA\"}", Apply(body, new ChatChanges("mA", 7, "max_tokens", true)));
    }

    private static string Apply(string body, in ChatChanges changes)
    {
        var bytes = new PooledBytes(body.Length);
        bytes.Write(Encoding.UTF8.GetBytes(body));
        var rewritten = ChatRewriter.Apply(bytes, ChatRequestParser.Parse(bytes.Span), changes, out var messages);
        var text = Encoding.UTF8.GetString(rewritten.Span);
        Assert.Equal(Messages, "\"messages\":" + Encoding.UTF8.GetString(rewritten.Span[messages.Start..messages.End]));
        rewritten.Dispose();
        return text;
    }
}
