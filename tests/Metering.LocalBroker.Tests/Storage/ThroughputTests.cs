using System.Diagnostics;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Log;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>Measurements, not checks: run with <c>-explicit only</c>.</summary>
public sealed class ThroughputTests(ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData(Durability.Disk, 1_000_000, 1_500)]
    [InlineData(Durability.Process, 1_000_000, 1_500)]
    [InlineData(Durability.Disk, 16_000, 40_000)]
    [InlineData(Durability.Process, 16_000, 40_000)]
    public async Task Append_and_read(Durability durability, int batchBytes, int count)
    {
        await using TestStore folder = new();
        await using TestStore store = new() { Options = folder.Options with { Durability = durability }, Settings = StoreSettings.Default };
        await store.OpenAsync();
        await store.CreateAsync("t", 1, ("max.message.bytes", "2000000"));
        var log = store.Log("t");
        var batch = Batches.Of([.. Enumerable.Range(0, batchBytes / 1000).Select(_ => ((string?)null, (string?)new string('x', 990)))], TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        for (var i = 0; i < 20; i++)
            await store.AppendAsync("t", batch, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var allocated = GC.GetTotalAllocatedBytes();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var started = Stopwatch.GetTimestamp();
        Queue<long> waiting = new();
        for (var i = 0; i < count; i++)
        {
            lock (store.State.Gate)
            {
                var result = log.Append(batch, now);
                Assert.Equal(ErrorCode.None, result.Error);
                waiting.Enqueue(result.Entry);
            }
            if (waiting.Count > Math.Max(5, 4_000_000 / batchBytes))
                await store.State.Journal.WhenDurableAsync(waiting.Dequeue());
        }
        await store.State.Journal.WhenDurableAsync(store.State.Journal.Last);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var bytes = (double)batch.Length * count;
        output.WriteLine(
            $"{durability}, batches of {batch.Length}: append {bytes / seconds / 1e6:F0} MB/s, CPU {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds / seconds:P0}, "
            + $"{(GC.GetTotalAllocatedBytes() - allocated) / count} bytes allocated a batch");
        started = Stopwatch.GetTimestamp();
        var buffer = new byte[1 << 21];
        long read = 0;
        for (var offset = 0L; offset < log.HighWatermark;)
        {
            ReadPlan plan;
            lock (store.State.Gate)
                plan = log.PlanRead(offset, 1 << 20, false, true);
            var (error, got) = plan.Read(buffer);
            Assert.Equal(ErrorCode.None, error);
            read += got;
            offset = TestStore.LastOffset(buffer.AsSpan(0, got)) + 1;
        }
        output.WriteLine($"read {read / Stopwatch.GetElapsedTime(started).TotalSeconds / 1e6:F0} MB/s; working set {Environment.WorkingSet >> 20} MB");
    }

    [Theory(Explicit = true)]
    [InlineData(Durability.Disk)]
    [InlineData(Durability.Process)]
    public async Task Time_to_durable(Durability durability)
    {
        await using TestStore folder = new();
        await using TestStore store = new() { Options = folder.Options with { Durability = durability }, Settings = StoreSettings.Default };
        await store.OpenAsync();
        await store.CreateAsync("t");
        var batch = Batches.Sized(1_000);
        for (var i = 0; i < 500; i++)
            await store.AppendAsync("t", batch);
        List<double> ms = [];
        for (var i = 0; i < 2_000; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await store.AppendAsync("t", batch);
            ms.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        ms.Sort();
        List<double> raw = [];
        using (var file = DiskFiles.Instance.Create(Path.Combine(store.Options.Directory, "raw")))
        {
            file.Write(new byte[8 << 20], 0);
            file.Sync();
            for (var i = 0; i < 1_000; i++)
            {
                var started = Stopwatch.GetTimestamp();
                file.Write(batch, i * 1_000);
                file.Sync();
                raw.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }
        raw.Sort();
        output.WriteLine($"{durability}: to durable p50 {ms[1000]:F3} ms, p99 {ms[1980]:F3} ms; write and fdatasync alone p50 {raw[500]:F3} ms, p99 {raw[990]:F3} ms");
        File.Delete(Path.Combine(store.Options.Directory, "raw"));
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        await Task.Delay(TimeSpan.FromSeconds(5));
        output.WriteLine($"idle 5 s: {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalMilliseconds:F0} ms of CPU; working set {Environment.WorkingSet >> 20} MB");
    }
}
