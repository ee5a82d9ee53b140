using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>Every version of every call against what Kafka's own classes write and expect.</summary>
public sealed class CallTableTests
{
    public static TheoryData<short, short> Versions()
    {
        var versions = new TheoryData<short, short>();
        foreach (var call in CallTable.Calls)
        {
            for (var version = call.Min; version <= call.Max; version++)
                versions.Add((short)call.Key, version);
        }
        return versions;
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Request_of_every_version_without_a_state_is_answered_in_its_shape(short key, short version)
    {
        foreach (var full in new[] { false, true })
        {
            var broker = new InProcess(() => null);
            byte[]? response;
            try
            {
                response = await broker.CallAsync((ApiKey)key, version, KafkaMessages.Request((ApiKey)key, version, full));
            }
            catch (MalformedRequestException) when ((ApiKey)key == ApiKey.Metadata && !full)
            {
                // All topics, while the disk fails: there is no error to say so.
                continue;
            }
            // The least Produce has acks = 0: no response.
            if (response is not null)
                Assert.Equal(0, new ShapeReader(response).Walk(KafkaMessages.ResponseShape((ApiKey)key, version)));
            else
                Assert.True((ApiKey)key == ApiKey.Produce && !full);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Request_cut_anywhere_is_malformed(short key, short version)
    {
        var body = KafkaMessages.Request((ApiKey)key, version, full: true);
        for (var length = 0; length < body.Length; length++)
        {
            var broker = new InProcess(() => null);
            await Assert.ThrowsAsync<MalformedRequestException>(() => broker.CallAsync((ApiKey)key, version, body.AsMemory(0, length)));
        }
    }

    [Fact]
    public async Task ApiVersions_of_an_unknown_version_answers_in_version_0_with_the_list()
    {
        var response = await new InProcess(() => null).CallAsync(ApiKey.ApiVersions, 9, new byte[] { 1, 2, 3 });
        Assert.Equal(0, new ShapeReader(response!).Walk(KafkaMessages.ResponseShape(ApiKey.ApiVersions, 0)));
        Assert.Equal((byte)ErrorCode.UnsupportedVersion, response![1]);
        Assert.Equal(CallTable.Calls.Count, response[5]);
    }

    [Theory]
    [InlineData(1, 3)] // Fetch
    [InlineData(1, 14)]
    [InlineData(0, -1)] // Produce
    [InlineData(77, 0)]
    [InlineData(-1, 0)]
    [InlineData(short.MaxValue, 0)]
    public async Task Unknown_call_or_version_closes_the_connection(short key, short version) =>
        await Assert.ThrowsAsync<MalformedRequestException>(() => new InProcess(() => null).CallAsync((ApiKey)key, version, new byte[64]));
}
