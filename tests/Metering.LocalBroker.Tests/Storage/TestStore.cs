using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Log;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>A store in a folder of its own, which goes at the end; and the calls that a client would make.</summary>
internal sealed class TestStore : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("broker-log");
    private BrokerStore? _store;

    public TestStore() => Options = new() { Directory = _folder.FullName };

    public LocalBrokerOptions Options { get; init; }

    public StoreSettings Settings { get; init; } = new() { JournalFileBytes = 1 << 20, CheckpointBytes = 4 << 20, FreeFloorBytes = 0 };

    public BrokerStore Store => _store!;

    public BrokerState State => _store!.State!;

    public string LogFolder(string topic, int partition = 0) => Path.Combine(Options.Directory, "logs", $"{topic}-{partition}");

    public async Task OpenAsync() => _store = await BrokerStore.OpenAsync(Options, Settings);

    public async Task CloseAsync()
    {
        if (_store is { } store)
            await store.DisposeAsync();
        _store = null;
    }

    /// <summary>As after kill -9: a copy of the files as they are, and a store on it. The old one is closed afterwards.</summary>
    public async Task KillAndOpenAsync()
    {
        var copy = Directory.CreateTempSubdirectory("broker-log");
        foreach (var path in Directory.EnumerateFiles(Options.Directory, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(copy.FullName, Path.GetRelativePath(Options.Directory, path));
            if (Path.GetFileName(path) == "lock")
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(path, to);
        }
        await CloseAsync();
        Directory.Delete(Options.Directory, recursive: true);
        Directory.Move(copy.FullName, Options.Directory);
        await OpenAsync();
    }

    public async Task CreateAsync(string topic, int partitions = 1, params (string Name, string Value)[] config)
    {
        long entry;
        lock (State.Gate)
        {
            var outcome = State.Topics.Create(topic, partitions, 1, [.. config.Select(pair => KeyValuePair.Create(pair.Name, (string?)pair.Value))], false);
            Assert.True(outcome.IsOk, outcome.Message);
            entry = State.Journal.Last;
        }
        await State.Journal.WhenDurableAsync(entry);
    }

    public PartitionLog Log(string topic, int partition = 0)
    {
        lock (State.Gate)
            return State.Topics.Find(topic, partition)!;
    }

    public async Task<AppendResult> AppendAsync(string topic, byte[] batch, long nowMs = 1_000, int partition = 0)
    {
        AppendResult result;
        lock (State.Gate)
            result = State.Topics.Find(topic, partition)!.Append(batch, nowMs);
        if (result.Error == ErrorCode.None)
            await State.Journal.WhenDurableAsync(result.Entry);
        return result;
    }

    public (ErrorCode Error, byte[] Bytes, ReadPlan Plan) Fetch(
        string topic, long offset, int maxBytes = 1 << 20, bool committed = false, int partition = 0, bool atLeastOne = true)
    {
        ReadPlan plan;
        lock (State.Gate)
            plan = State.Topics.Find(topic, partition)!.PlanRead(offset, maxBytes, committed, atLeastOne);
        var buffer = new byte[plan.Bytes];
        var (error, count) = plan.Read(buffer);
        return (error, buffer[..count], plan);
    }

    /// <summary>All records from an offset on.</summary>
    public List<(long Offset, string? Key, string? Value)> ReadAll(string topic, long from = 0, bool committed = false, int partition = 0, int maxBytes = 1 << 20)
    {
        List<(long Offset, string? Key, string? Value)> all = [];
        while (true)
        {
            var (error, bytes, _) = Fetch(topic, from, maxBytes, committed, partition);
            Assert.Equal(ErrorCode.None, error);
            if (bytes.Length == 0)
                return all;
            all.AddRange(Batches.Read(bytes).Where(record => record.Offset >= from));
            from = LastOffset(bytes) + 1;
        }
    }

    public static long LastOffset(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            var batch = new RecordBatch(bytes[..(int)RecordBatch.LengthAt(bytes)]);
            if (batch.Bytes == bytes.Length)
                return batch.LastOffset;
            bytes = bytes[batch.Bytes..];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _folder.Refresh();
        if (Directory.Exists(Options.Directory))
            Directory.Delete(Options.Directory, recursive: true);
    }
}
