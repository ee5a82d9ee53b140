using Metering.Gateway.Requests.Fuzz;

namespace Metering.Gateway.Tests.Requests;

public sealed class ChatRequestFuzzTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Hostile_bodies_are_parsed_or_refused_and_what_is_rewritten_says_what_was_decided_R28(int seed)
    {
        var result = await ChatRequestFuzz.RunAsync(seed, 20_000, TestContext.Current.CancellationToken);
        Assert.Equal(20_000, result.Parsed + result.Refused);
        Assert.InRange(result.Parsed, 2_000, 18_000);
    }
}
