using Metering.LocalBroker.Tests.Log;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>The whole path: open, create, append, durable, read; and again after a stop of each kind.</summary>
public sealed class BrokerStoreTests
{
    [Theory]
    [InlineData(Durability.Disk)]
    [InlineData(Durability.Process)]
    public async Task Appended_records_are_read_and_outlive_kill_and_stop(Durability durability)
    {
        await using TestStore store = new();
        await using TestStore own = new() { Options = store.Options with { Durability = durability } };
        await own.OpenAsync();
        var clusterId = own.State.ClusterId;
        await own.CreateAsync("t", partitions: 2);
        for (var i = 0; i < 10; i++)
            Assert.Equal(i, (await own.AppendAsync("t", Batches.One($"v{i}"))).BaseOffset);
        Assert.Equal(10, own.Log("t").HighWatermark);
        Check();
        await own.KillAndOpenAsync();
        Check();
        await own.AppendAsync("t", Batches.One("v10"));
        await own.CloseAsync();
        await own.OpenAsync();
        Assert.Equal(Enumerable.Range(0, 11).Select(i => $"v{i}"), own.ReadAll("t").Select(record => record.Value));
        Assert.Equal(clusterId, own.State.ClusterId);
        await own.KillAndOpenAsync();
        Assert.Equal(11, own.Log("t").HighWatermark);

        void Check()
        {
            var all = own.ReadAll("t");
            Assert.Equal(Enumerable.Range(0, 10).Select(i => ((long)i, (string?)null, (string?)$"v{i}")), all);
            Assert.Empty(own.ReadAll("t", partition: 1));
        }
    }

    [Fact]
    public async Task Many_checkpoints_and_kills_lose_nothing_and_reuse_journal_files()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t");
        var count = 0;
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 60; i++)
                Assert.Equal(count++, (await store.AppendAsync("t", Batches.Sized(200_000))).BaseOffset);
            if (round % 2 == 0)
                await store.KillAndOpenAsync();
            else
            {
                await store.CloseAsync();
                await store.OpenAsync();
            }
            Assert.Equal(count, store.ReadAll("t").Count);
        }
        var journal = Directory.GetFiles(Path.Combine(store.Options.Directory, "journal"));
        Assert.InRange(journal.Length, 1, 14);
    }
}
