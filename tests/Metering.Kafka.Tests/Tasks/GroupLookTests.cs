using Metering.Kafka.Tasks;

namespace Metering.Kafka.Tests.Tasks;

/// <summary>What a group's members say of themselves, as bytes and names.</summary>
public sealed class GroupLookTests
{
    [Fact]
    public void Share_reads_what_the_consumer_protocol_writes_and_nothing_of_what_it_cannot_read()
    {
        byte[] share = [0, 1, 0, 0, 0, 2, 0, 1, (byte)'t', 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 3, 0, 1, (byte)'u', 0, 0, 0, 0, 255, 255, 255, 255];
        Assert.Equal([new("t", 7), new("t", 3)], GroupLook.Share(share));
        Assert.Empty(GroupLook.Share([]));
        for (var length = 0; length < share.Length - 4; length++)
            Assert.Empty(GroupLook.Share(share.AsSpan(0, length)));
        share[5] = 127; // topics that are not there
        Assert.Empty(GroupLook.Share(share));
    }

    [Theory]
    [InlineData("up-1-eb75a9ca-50b8-4e80-9a79-2872b94deef1", true)]
    [InlineData("up-11-eb75a9ca-50b8-4e80-9a79-2872b94deef1", false)]
    [InlineData("metering-eb75a9ca-50b8-4e80-9a79-2872b94deef1", false)]
    [InlineData("up-1", false)]
    public void IsNamed_tells_a_name_from_its_neighbours(string memberId, bool expected) => Assert.Equal(expected, GroupLook.IsNamed(memberId, "up-1"));
}
