using System.Text;
using System.Text.Json;
using CsCheck;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Tests.Requests;

public sealed class ChatRequestParserTests
{
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";

    [Fact]
    public void Parse_reads_what_the_gateway_needs()
    {
        var request = Parse("{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":2,\"max_tokens\":10,\"max_completion_tokens\":20,\"user\":\"u\"," + Messages + "}");
        Assert.Equal(("gpt-4o", true, true, 2, 20, "u"), (request.Model, request.Streams, request.WantsUsage, request.Choices, request.MaxOutputTokens, request.User));
    }

    [Theory]
    [InlineData("\"max_tokens\":1,\"max_tokens\":9000", "more than once")]
    [InlineData("\"max_tokens\":1,\"max\\u005ftokens\":9000", "more than once")]
    [InlineData("\"Max_Tokens\":9000", "lower-case")]
    [InlineData("\"N\":9000", "lower-case")]
    [InlineData("\"n\":129", "from 1 to 128")]
    [InlineData("\"n\":-1", "from 1 to 128")]
    [InlineData("\"max_tokens\":1e3", "whole number")]
    [InlineData("\"max_tokens\":\"5\"", "whole number")]
    [InlineData("\"max_tokens\":99999999999999999999", "whole number")]
    [InlineData("\"stream\":1", "boolean")]
    [InlineData("\"stream_options\":[]", "object")]
    [InlineData("\"stream_options\":{\"include_usage\":true,\"include_usage\":false}", "more than once")]
    [InlineData("\"user\":5", "'user'")]
    public void Parse_refuses_what_hosts_would_read_in_two_ways(string member, string sentence)
    {
        var error = Assert.Throws<BadChatRequestException>(() => Parse("{\"model\":\"m\"," + member + "," + Messages + "}"));
        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"model\":\"m\"}")]
    [InlineData("{\"model\":\"\",\"messages\":[]}")]
    [InlineData("{\"model\":\"m\",\"messages\":[]}x")]
    [InlineData("{\"model\":\"m\",\"messages\":[1]}")]
    [InlineData("{\"model\":\"m\",\"messages\":[{\"content\":")]
    public void Parse_refuses_what_is_no_chat_request(string body) => Assert.Throws<BadChatRequestException>(() => Parse(body));

    [Fact]
    public void Parse_refuses_deep_nesting_and_broken_utf8_without_another_exception()
    {
        Assert.Throws<BadChatRequestException>(() => Parse("{\"model\":\"m\",\"messages\":" + new string('[', 5000)));
        var broken = Encoding.UTF8.GetBytes("{\"model\":\"mX\"," + Messages + "}");
        broken[Array.IndexOf(broken, (byte)'X')] = 0xFF;
        Assert.Throws<BadChatRequestException>(() => ChatRequestParser.Parse(broken));
    }

    [Fact]
    public void Parse_of_any_damage_throws_nothing_else()
    {
        var whole = Encoding.UTF8.GetBytes("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
            + "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\u00e9\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]}]}");
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[1, whole.Length]).Sample((at, value, length) =>
        {
            var damaged = whole.ToArray();
            damaged[at] = value;
            try
            {
                ChatRequestParser.Parse(damaged.AsSpan(0, length));
            }
            catch (BadChatRequestException)
            {
                return;
            }
        });
    }

    [Fact]
    public void Prompt_counts_contents_names_and_constants_R28()
    {
        // "Hi" and "é!" are 2 and 3 bytes, the name 3; known roles are in the constant.
        var prompt = Parse("{\"model\":\"m\",\"temperature\":0.5,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"name\":\"bob\",\"content\":\"\u00e9!\"}]}").Prompt;
        Assert.Equal((8, 2, true), (prompt.TextBytes, prompt.Messages, prompt.IsBounded));
        Assert.Equal(8 + (2 * 8) + 24, prompt.Tokens());
    }

    [Fact]
    public void Prompt_is_never_less_than_its_text_however_it_is_escaped_R28() =>
        Gen.String.Array[0, 4].Sample(texts =>
        {
            var messages = texts.Select(t => new { role = "user", content = t.Replace('\uD800', ' ') }).ToArray();
            var body = JsonSerializer.SerializeToUtf8Bytes(new { model = "m", messages });
            var bytes = JsonDocument.Parse(body).RootElement.GetProperty("messages").EnumerateArray().Sum(m => Encoding.UTF8.GetByteCount(m.GetProperty("content").GetString()!));
            Assert.True(ChatRequestParser.Parse(body).Prompt.TextBytes >= bytes);
        });

    [Theory]
    [InlineData("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get\",\"parameters\":{\"type\":\"object\"}}}]")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"a\":[1,2,{\"b\":\"<c>\"}]}}}")]
    [InlineData("\"something_new\":{\"deep\":{\"deeper\":[\"text\"]}}")]
    public void Prompt_covers_what_a_template_prints_as_json_with_indentation_R28(string member)
    {
        var body = "{\"model\":\"m\"," + member + "," + Messages + "}";
        using var parsed = JsonDocument.Parse("{" + member + "}");
        var printed = JsonSerializer.Serialize(parsed.RootElement.EnumerateObject().First().Value, new JsonSerializerOptions { WriteIndented = true, IndentSize = 4 });
        Assert.True(Parse(body).Prompt.TextBytes >= 2 + Encoding.UTF8.GetByteCount(printed), printed);
    }

    [Theory]
    [InlineData("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}", "image_url")]
    [InlineData("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\"}}", "input_audio")]
    [InlineData("{\"type\":\"video\",\"frames\":7}", "frames")]
    public void Prompt_flags_parts_without_a_bound_R28(string part, string flagged) =>
        Assert.Equal(flagged, Parse("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}," + part + "]}]}").Prompt.UnboundedPart);

    [Theory]
    [InlineData("chat_template")]
    [InlineData("prediction")]
    public void Prompt_flags_members_that_bring_tokens_of_their_own_R28(string member) =>
        Assert.Equal(member, Parse("{\"model\":\"m\",\"" + member + "\":\"x\"," + Messages + "}").Prompt.UnboundedPart);

    private static ChatRequest Parse(string body) => ChatRequestParser.Parse(Encoding.UTF8.GetBytes(body));
}
