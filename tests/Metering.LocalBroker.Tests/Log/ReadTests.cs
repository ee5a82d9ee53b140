using Metering.LocalBroker.Log;
using Metering.LocalBroker.Tests.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Log;

/// <summary>What fetches give, of sound and of damaged segments.</summary>
public sealed class ReadTests
{
    [Fact]
    public async Task Fetches_give_whole_batches_from_any_offset_in_any_size()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t", 1, ("segment.bytes", "90000"));
        for (var i = 0; i < 200; i++)
            await store.AppendAsync("t", Batches.Of([(null, $"a{i}"), (null, new string('x', 1500)), (null, $"c{i}")]));
        foreach (var reopen in (bool[])[false, true])
        {
            for (var from = 0; from < 600; from += 7)
                Assert.Equal(Enumerable.Range(from, 600 - from).Select(offset => (long)offset), store.ReadAll("t", from, maxBytes: 5000).Select(record => record.Offset));
            Assert.Equal((ErrorCode.None, 0), Short(store.Fetch("t", 600)));
            Assert.Equal(ErrorCode.OffsetOutOfRange, store.Fetch("t", 601).Error);
            Assert.Equal(ErrorCode.OffsetOutOfRange, store.Fetch("t", -1).Error);
            Assert.Equal((ErrorCode.None, 0), Short(store.Fetch("t", 4, maxBytes: 100, atLeastOne: false)));
            Assert.Equal(3, Batches.Read(store.Fetch("t", 4, maxBytes: 100).Bytes).Count);
            if (!reopen)
                await store.KillAndOpenAsync();
        }

        static (ErrorCode, int) Short((ErrorCode Error, byte[] Bytes, ReadPlan) fetched) => (fetched.Error, fetched.Bytes.Length);
    }

    [Fact]
    public async Task No_flipped_bit_is_ever_served()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t");
        for (var i = 0; i < 5; i++)
            await store.AppendAsync("t", Batches.One($"value {i}"));
        var path = Path.Combine(store.LogFolder("t"), "00000000000000000000.log");
        var length = (int)new FileInfo(path).Length;
        var sound = Enumerable.Range(0, 5).Select(i => $"value {i}").ToList();
        for (var at = 0; at < length; at++)
        {
            // The leader epoch is covered by no checksum, and says nothing here.
            if (at % (length / 5) is >= 12 and < 16)
                continue;
            Flip(path, at);
            var hit = at / (length / 5);
            for (var from = 0; from < 5; from++)
            {
                var (error, bytes, _) = store.Fetch("t", from);
                if (error == ErrorCode.None && bytes.Length > 0)
                    Assert.Equal(from > hit ? sound[from..] : sound[from..hit], Batches.Read(bytes).Where(record => record.Offset >= from).Select(record => record.Value));
                else
                    Assert.True(error == ErrorCode.CorruptMessage && hit <= from, $"{error} from {from}, hit {hit}");
            }
            Flip(path, at);
        }
        Assert.Equal(5, store.ReadAll("t").Count);
    }

    [Fact]
    public async Task A_truncated_or_missing_segment_is_damage_and_the_rest_is_served()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t", 1, ("segment.bytes", "200"));
        for (var i = 0; i < 6; i++)
            await store.AppendAsync("t", Batches.One($"value {i}"));
        await store.CloseAsync();
        var files = Directory.GetFiles(store.LogFolder("t")).Order(StringComparer.Ordinal).ToList();
        using (var file = File.OpenWrite(files[0]))
            file.SetLength(100);
        await store.OpenAsync();
        Assert.Equal(["value 0"], Batches.Read(store.Fetch("t", 0).Bytes).Select(record => record.Value));
        Assert.Equal(ErrorCode.CorruptMessage, store.Fetch("t", 1).Error);
        Assert.Equal(4, store.ReadAll("t", from: 2).Count);
    }

    [Fact]
    public async Task Open_transactions_hold_the_stable_offset_and_aborted_ones_are_named()
    {
        TestTransactions transactions = null!;
        await using TestStore store = new();
        await using TestStore own = new()
        {
            Options = store.Options,
            Settings = store.Settings with { Rooms = state => [state.Topics, transactions = new TestTransactions(state)] },
        };
        await own.OpenAsync();
        await own.CreateAsync("t");
        await own.AppendAsync("t", Batches.One("before"));
        await own.AppendAsync("t", Batches.Of([(null, "in")], 1, 7, 0, 0, transactional: true));
        await own.AppendAsync("t", Batches.One("between"));
        Assert.Equal((1, 3), (own.Log("t").StableOffset, own.Log("t").HighWatermark));
        Assert.Single(own.ReadAll("t", committed: true));
        Assert.Equal(ErrorCode.InvalidTxnState, (await own.AppendAsync("t", Batches.Of([(null, "out")], 1, 7, 0, 1))).Error);
        await own.KillAndOpenAsync();
        Assert.Equal(1, own.Log("t").StableOffset);
        Assert.Equal(1, own.Store.Figures().OpenTransactions);
        long entry;
        lock (own.State.Gate)
            entry = transactions.End(7, 0, commit: false, 5, 1, ("t", 0));
        await own.State.Journal.WhenDurableAsync(entry);
        Assert.Equal((4, 0), (own.Log("t").StableOffset, own.Store.Figures().OpenTransactions));
        Assert.Equal([new AbortedTransaction(7, 1)], own.Fetch("t", 0, committed: true).Plan.Aborted);
        Assert.Equal([new AbortedTransaction(7, 1)], own.Fetch("t", 2, committed: true).Plan.Aborted);
        Assert.Empty(own.Fetch("t", 0).Plan.Aborted);
        Assert.Equal(ErrorCode.None, (await own.AppendAsync("t", Batches.Of([(null, "next")], 1, 7, 0, 1, transactional: true))).Error);
    }

    [Fact]
    public async Task Watchers_are_told_of_what_became_visible_and_of_a_deleted_topic()
    {
        await using TestStore store = new();
        await store.OpenAsync();
        await store.CreateAsync("t");
        Watcher watcher = new();
        var log = store.Log("t");
        lock (store.State.Gate)
            log.Watch(watcher);
        await store.AppendAsync("t", Batches.One("v"));
        await watcher.Told.WaitAsync(TimeSpan.FromSeconds(10));
        lock (store.State.Gate)
            store.State.Topics.Delete(store.State.Topics.Find("t")!);
        await watcher.Told.WaitAsync(TimeSpan.FromSeconds(10));
        lock (store.State.Gate)
            log.Unwatch(watcher);
    }

    private static void Flip(string path, int at)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        file.Position = at;
        var value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 0x10));
    }

    private sealed class Watcher : IArrivalWatcher
    {
        public SemaphoreSlim Told { get; } = new(0);

        public void Arrived() => Told.Release();
    }
}
