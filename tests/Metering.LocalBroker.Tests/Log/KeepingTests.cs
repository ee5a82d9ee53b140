using System.Diagnostics;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Tests.Storage;
using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Time.Testing;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Log;

/// <summary>Retention, deleted records, compaction; and Kafka's own tool on the files.</summary>
public sealed class KeepingTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _time = new(Start);

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [Fact]
    public async Task Old_segments_go_by_time_and_size_and_stay_gone()
    {
        await using var store = await OpenAsync(("segment.bytes", "300"), ("retention.ms", "10000"));
        await store.CreateAsync("s", 1, ("segment.bytes", "300"), ("retention.bytes", "500"));
        for (var i = 0; i < 12; i++)
        {
            await store.AppendAsync("t", Batches.Sized(140, NowMs), NowMs);
            await store.AppendAsync("s", Batches.Sized(140, NowMs), NowMs);
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        await store.Store.TidyAsync();
        Assert.Equal((2, 12), (store.Log("t").StartOffset, store.Log("t").HighWatermark));
        Assert.InRange(store.Log("s").Bytes, 500, 800);
        Assert.Equal(ErrorCode.OffsetOutOfRange, store.Fetch("t", 1).Error);
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        await store.KillAndOpenAsync();
        Assert.Equal(2, store.Log("t").StartOffset);
        _time.Advance(TimeSpan.FromDays(2));
        await store.Store.TidyAsync();
        Assert.Equal((12, 0), (store.Log("t").StartOffset, store.Log("t").Bytes));
        Assert.Equal(12, (await store.AppendAsync("t", Batches.One("v", NowMs), NowMs)).BaseOffset);
        await store.Store.TidyAsync();
        Assert.Single(Directory.GetFiles(store.LogFolder("t")));
    }

    [Fact]
    public async Task Deleted_records_are_gone_and_offsets_go_on()
    {
        await using var store = await OpenAsync();
        for (var i = 0; i < 10; i++)
            await store.AppendAsync("t", Batches.One($"v{i}", NowMs), NowMs);
        lock (store.State.Gate)
        {
            Assert.Equal(ErrorCode.OffsetOutOfRange, store.Log("t").DeleteBefore(11).Error);
            Assert.Equal(4, store.Log("t").DeleteBefore(4).StartOffset);
        }
        Assert.Equal(6, store.ReadAll("t", 4).Count);
        lock (store.State.Gate)
            Assert.Equal(10, store.Log("t").DeleteBefore(-1).StartOffset);
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        await store.KillAndOpenAsync();
        Assert.Equal((10, 10), (store.Log("t").StartOffset, store.Log("t").EndOffset));
        Assert.Equal(10, (await store.AppendAsync("t", Batches.One("v", NowMs), NowMs)).BaseOffset);
    }

    [Theory]
    [InlineData((int)Codec.None)]
    [InlineData((int)Codec.Lz4)]
    public async Task Compaction_keeps_the_last_of_each_key_and_tombstones_for_their_time(int codec)
    {
        await using var store = await OpenAsync(("cleanup.policy", "compact"), ("segment.bytes", "600"), ("delete.retention.ms", "60000"),
            ("min.cleanable.dirty.ratio", "0.01"));
        Dictionary<string, long> latest = new(StringComparer.Ordinal);
        for (var i = 0; i < 60; i++)
        {
            var (key, other) = ($"k{i % 7}", $"o{i % 3}");
            var result = await store.AppendAsync("t", Batches.Of([(key, $"v{i}"), (other, i == 57 ? null : $"w{i}")], NowMs, codec: (Codec)codec), NowMs);
            (latest[key], latest[other]) = (result.BaseOffset, result.BaseOffset + 1);
        }
        await FillAsync(store);
        var before = store.Log("t").Bytes;
        await store.Store.TidyAsync();
        Assert.InRange(store.Log("t").Bytes, 1, before / 2);
        Check();
        // A kill before that brings back what was compacted away: nothing is lost, but it is not what is asked here.
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        await store.KillAndOpenAsync();
        Check();
        Assert.Contains(store.ReadAll("t"), record => record is { Key: "o0", Value: null });
        _time.Advance(TimeSpan.FromSeconds(61));
        await FillAsync(store);
        await store.Store.TidyAsync();
        Assert.DoesNotContain(store.ReadAll("t"), record => record.Key == "o0");
        Assert.Equal(store.Log("t").EndOffset, store.Log("t").HighWatermark);

        void Check()
        {
            var all = store.ReadAll("t").Where(record => record.Key is not "fill").ToList();
            Assert.Equal(latest.Values.Order(), all.Select(record => record.Offset));
            for (var from = 0L; from < store.Log("t").EndOffset; from += 9)
                Assert.Equal(all.Where(record => record.Offset >= from), store.ReadAll("t", from).Where(record => record.Key is not "fill"));
        }
    }

    [Fact]
    public async Task Compaction_drops_aborted_records_and_never_what_is_undecided()
    {
        TestTransactions transactions = null!;
        await using var store = await OpenAsync(
            state => [state.Topics, transactions = new TestTransactions(state)], ("cleanup.policy", "compact"), ("segment.bytes", "300"));
        await store.AppendAsync("t", Batches.Of([("a", "kept")], NowMs), NowMs);
        await store.AppendAsync("t", Batches.Of([("a", "aborted")], NowMs, 7, 0, 0, transactional: true), NowMs);
        lock (store.State.Gate)
            transactions.End(7, 0, commit: false, NowMs, 1, ("t", 0));
        await FillAsync(store);
        await store.AppendAsync("t", Batches.Of([("a", "open")], NowMs, 8, 0, 0, transactional: true), NowMs);
        await FillAsync(store);
        await store.Store.TidyAsync();
        Assert.Equal(["kept", "open"], store.ReadAll("t").Where(record => record.Key == "a").Select(record => record.Value));
        Assert.Empty(store.Fetch("t", 0, committed: true).Plan.Aborted);
        Assert.InRange(store.Log("t").CleanedTo, 3, store.Log("t").StableOffset);
    }

    [Fact]
    public async Task Kafkas_own_tool_reads_the_segments()
    {
        if (SharedFolder.TryPath("kafka/kafka") is not { } kafka)
        {
            Assert.Skip("skipped: no real Kafka whose tool reads the segments (METERING_SHARED)");
            return;
        }
        await using var store = await OpenAsync(("cleanup.policy", "compact"), ("segment.bytes", "2000"));
        for (var i = 0; i < 40; i++)
            await store.AppendAsync("t", Batches.Of([($"k{i % 5}", $"value-{i}"), ($"l{i % 4}", null)], NowMs, codec: (Codec)(i % 5)), NowMs);
        await FillAsync(store);
        await store.Store.TidyAsync();
        await store.CloseAsync();
        foreach (var path in Directory.GetFiles(store.LogFolder("t")))
        {
            using var tool = Process.Start(new ProcessStartInfo(
                kafka, ["tool", "org.apache.kafka.tools.DumpLogSegments", "--files", path, "--print-data-log", "--deep-iteration"])
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            var output = await tool.StandardOutput.ReadToEndAsync();
            await tool.WaitForExitAsync();
            Assert.Equal(0, tool.ExitCode);
            Assert.Contains("isvalid: true", output, StringComparison.Ordinal);
            Assert.Contains("payload: ", output, StringComparison.Ordinal);
            Assert.DoesNotContain("isvalid: false", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_topic_of_the_same_name_begins_anew()
    {
        await using var store = await OpenAsync();
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(0, (await store.AppendAsync("t", Batches.One($"round {round}", NowMs), NowMs)).BaseOffset);
            if (round == 1)
                await store.KillAndOpenAsync();
            Assert.Equal([$"round {round}"], store.ReadAll("t").Select(record => record.Value!));
            lock (store.State.Gate)
                store.State.Topics.Delete(store.State.Topics.Find("t")!);
            await store.CreateAsync("t");
            Assert.Empty(store.ReadAll("t"));
        }
    }

    private async Task FillAsync(TestStore store)
    {
        for (var i = 0; i < 3; i++)
            await store.AppendAsync("t", Batches.Of([("fill", new string('f', 200))], NowMs), NowMs);
    }

    private Task<TestStore> OpenAsync(params (string Name, string Value)[] config) => OpenAsync(null, config);

    private async Task<TestStore> OpenAsync(
        Func<LocalBroker.Storage.BrokerState, IReadOnlyList<LocalBroker.Storage.IJournaled>>? rooms, params (string Name, string Value)[] config)
    {
        TestStore folder = new();
        TestStore store = new() { Options = folder.Options with { Time = _time }, Settings = folder.Settings with { Rooms = rooms } };
        await store.OpenAsync();
        await store.CreateAsync("t", 1, config);
        return store;
    }
}
