using Metering.LocalBroker.Tests.Groups;
using Metering.LocalBroker.Transactions;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>Random transactions and commits from a seed, with the broker killed in between: what comes back from the whole
/// journal, and from a checkpoint with the rest of the journal, is what was there.</summary>
public sealed class RecoveryWalkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Walk(int seed)
    {
        var random = new Random(seed);
        var rooms = new Rooms();
        var producers = new ProducerIdentity[4];
        Checkpoint? checkpoint = null;
        for (var step = 0; step < 1_500; step++)
        {
            Act(rooms, random, producers);
            switch (random.Next(40))
            {
                case 0:
                    checkpoint = rooms.Save();
                    break;
                case 1:
                    AssertSame(rooms, checkpoint);
                    break;
                case 2:
                    rooms = rooms.Restart(random.Next(2) == 0 ? checkpoint : null);
                    break;
            }
        }
        AssertSame(rooms, checkpoint);
        Assert.Contains(rooms.Partitions.Markers, m => m.Commit);
        Assert.Contains(rooms.Partitions.Markers, m => !m.Commit);
        AssertEpochsNeverGoBack(rooms.Partitions.Markers);
        rooms.Dispose();
    }

    private static void Act(Rooms rooms, Random random, ProducerIdentity[] producers)
    {
        var i = random.Next(producers.Length);
        var producer = producers[i];
        var call = producer.TransactionalId is null ? 0 : random.Next(16);
        switch (call)
        {
            case 0:
                producers[i] = rooms.Init($"tx{i}", random.Next(2) == 0 ? 5_000 : 60_000);
                break;
            case 1:
                if (rooms.Renew(producer) is { Error: ErrorCode.None } renewed)
                    producers[i] = new ProducerIdentity(producer.TransactionalId!, renewed.ProducerId, renewed.Epoch);
                break;
            case < 5:
                rooms.Transactions.AddPartitions(producer, [("t", random.Next(4)), ("u", random.Next(4))]);
                break;
            case < 7:
                rooms.Transactions.AddOffsets(producer, $"g{random.Next(3)}");
                break;
            case < 10:
                rooms.Send(producer, random.Next(1_000), group: $"g{random.Next(3)}", partition: random.Next(4));
                break;
            case 10:
                rooms.Groups.Commit(Party.Request(null, random.Next(1_000), group: $"g{random.Next(3)}"));
                break;
            case 11 when random.Next(5) == 0:
                rooms.Groups.Delete($"g{random.Next(3)}");
                break;
            case 12:
                rooms.PassMs(random.Next(3_000));
                break;
            default:
                if (rooms.End(producer, random.Next(3) > 0) == ErrorCode.ProducerFenced)
                    producers[i] = rooms.Init($"tx{i}");
                break;
        }
    }

    private static void AssertSame(Rooms rooms, Checkpoint? checkpoint)
    {
        var expected = rooms.Dump();
        using var replayed = rooms.Recover(null, start: false);
        Assert.Equal(expected, replayed.Dump());
        using var loaded = rooms.Recover(checkpoint, start: false);
        Assert.Equal(expected, loaded.Dump());
        using var saved = rooms.Recover(rooms.Save(), start: false);
        Assert.Equal(expected, saved.Dump());
    }

    /// <summary>In each partition: what a fenced producer sends late is below the last marker.</summary>
    private static void AssertEpochsNeverGoBack(List<Marker> markers)
    {
        var last = new Dictionary<(string, int, long), short>();
        foreach (var marker in markers)
        {
            var key = (marker.Topic, marker.Partition, marker.ProducerId);
            Assert.True(marker.Epoch >= last.GetValueOrDefault(key), $"{marker} after epoch {last.GetValueOrDefault(key)}");
            last[key] = marker.Epoch;
        }
    }
}
