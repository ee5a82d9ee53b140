using System.Text;
using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class Murmur2Tests
{
    /// <summary>Values that Apache Kafka's own test (UtilsTest.testMurmur2) expects.</summary>
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void R5_Hash_equals_Kafkas(string key, int expected) => Assert.Equal(expected, (int)Murmur2.Hash(Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void R5_PartitionOf_is_within_the_count()
    {
        for (var i = 0; i < 1000; i++)
            Assert.InRange(Murmur2.PartitionOf(Encoding.UTF8.GetBytes($"source-{i}"), 8), 0, 7);
    }
}
