using Metering.LocalBroker.Wire;
using Metering.LocalBroker.Wire.Fuzz;

namespace Metering.LocalBroker.Tests.Wire;

public sealed class WireFuzzTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Hostile_requests_without_a_state_are_answered_or_refused(int seed)
    {
        var result = await WireFuzz.RunAsync(() => null, new LocalBrokerOptions { Directory = "nowhere" }, seed, 0, 30_000, TestContext.Current.CancellationToken);
        Assert.Equal(30_000, result.Answered + result.Refused);
        Assert.InRange(result.Answered, 10_000, 29_000);
    }

    [Fact]
    public async Task Hostile_requests_to_real_rooms_are_answered_or_refused()
    {
        var directory = Directory.CreateTempSubdirectory("broker-fuzz");
        try
        {
            var result = await WireFuzz.RunAsync(3, 20_000, directory.FullName, TestContext.Current.CancellationToken);
            Assert.Equal(20_000, result.Answered + result.Refused);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}

/// <summary>The heap is the whole program's: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(WireFuzzMemoryTests), DisableParallelization = true)]
[Collection(nameof(WireFuzzMemoryTests))]
public sealed class WireFuzzMemoryTests
{
    [Fact]
    public async Task Hostile_requests_leave_nothing_behind()
    {
        var result = await WireFuzz.RunAsync(() => null, new LocalBrokerOptions { Directory = "nowhere" }, 4, 0, 10_000, TestContext.Current.CancellationToken);
        Assert.InRange(result.GrownBytes, long.MinValue, 4 * 1024 * 1024);
    }
}
