using System.Text;
using Metering.Cli.Chaos;
using Metering.Cli.Commands;
using Metering.Core.Sources;

namespace Metering.Cli.Tests.Chaos;

/// <summary>A seed deals the same blows, and none is forgotten.</summary>
public sealed class ChaosDeckTests
{
    [Fact]
    public void Deal_each_kind_comes_once_before_one_comes_again()
    {
        var kinds = ChaosBlow.Parse(null, ownKafka: true);
        for (ulong seed = 0; seed < 100; seed++)
        {
            var deck = new ChaosDeck(kinds, seed);
            var dealt = Enumerable.Range(1, 3 * kinds.Count).Select(deck.Deal).ToList();
            foreach (var hand in dealt.Chunk(kinds.Count))
                Assert.Equal(kinds.Count, hand.Distinct().Count());
            Assert.Equal(dealt, Enumerable.Range(1, 3 * kinds.Count).Select(new ChaosDeck(kinds, seed).Deal));
        }
    }

    [Fact]
    public void Deal_seeds_differ_in_order_and_so_do_the_decks_of_one()
    {
        var kinds = ChaosBlow.Parse(null, ownKafka: false);
        string Hand(ulong seed, int deck) => string.Join(' ', Enumerable.Range((deck * kinds.Count) + 1, kinds.Count).Select(new ChaosDeck(kinds, seed).Deal).Select(static blow => blow.Name));

        Assert.InRange(Enumerable.Range(0, 50).Select(seed => Hand((ulong)seed, 0)).Distinct(StringComparer.Ordinal).Count(), 45, 50);
        Assert.NotEqual(Hand(7, 0), Hand(7, 1));
    }

    [Fact]
    public void Parse_without_a_kafka_of_its_own_no_broker_is_killed()
    {
        Assert.DoesNotContain(ChaosBlow.Broker, ChaosBlow.Parse(null, ownKafka: false));
        Assert.Equal([ChaosBlow.Sink, ChaosBlow.Up], ChaosBlow.Parse("sink, up,sink", ownKafka: false));
        Assert.Throws<WrongUsageException>(() => ChaosBlow.Parse("broker", ownKafka: false));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(13)]
    public void Names_each_partition_has_a_source(int partitions)
    {
        var names = ChaosSource.Names(partitions, least: 6);

        Assert.InRange(names.Count, Math.Max(6, partitions), 2 * Math.Max(6, partitions));
        Assert.Equal(partitions, names.Select(name => Murmur2.PartitionOf(Encoding.UTF8.GetBytes(name), partitions)).Distinct().Count());
    }
}
