using System.Globalization;
using Metering.LocalBroker.Log;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Log;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>
/// A run of all that a broker's storage does, and what must be found of it: every event has its entry in the journal, so that for
/// a store that was recovered up to an entry it is known what each reader must see, no more and no less.
/// </summary>
internal sealed class RecordedRun(SimulatedDisk disk, Durability durability)
{
    private const string Folder = "/broker";
    private readonly List<(long Entry, Action<Expectation> Do)> _events = [];
    private readonly List<(int Step, long Entry)> _acknowledged = [];
    private readonly Dictionary<string, int> _sequences = new(StringComparer.Ordinal);
    private int _now = 1_000_000;

    public LocalBrokerOptions Options { get; init; } = new() { Directory = Folder, Durability = durability };

    public BrokerStore Store { get; private set; } = null!;

    public int Steps => disk.Steps;

    public static StoreSettings Settings(SimulatedDisk disk) => new()
    {
        Files = disk,
        JournalFileBytes = 4096,
        CheckpointBytes = 6000,
        FreeFloorBytes = 1000,
        HousekeepingInterval = TimeSpan.FromDays(40), // only when the run asks for it
        Rooms = state => [state.Topics, new TestTransactions(state)],
    };

    /// <summary>A run ends with the state that it began with: what is appended to another has other numbers.</summary>
    private BrokerState Current() => Store.State == _state ? _state : throw new JournalFailedException("the state was recovered", null);

    private BrokerState _state = null!;

    public async Task OpenAsync()
    {
        Store = await BrokerStore.OpenAsync(Options, Settings(disk) with { Rooms = Rooms });
        (_state, _transactions) = (Store.State!, _newest);
    }

    // Of the newest state, and of the one that this run goes on with.
    private TestTransactions _newest = null!;
    private TestTransactions _transactions = null!;

    private IReadOnlyList<IJournaled> Rooms(BrokerState state) => [state.Topics, _newest = new TestTransactions(state)];

    /// <summary>Topics made, records, transactions of both ends, records deleted, a topic deleted and made again, compaction.</summary>
    public async Task PlayAsync(int rounds)
    {
        await CreateAsync("a", 2, ("segment.bytes", "700"), ("message.timestamp.type", "LogAppendTime"), ("retention.ms", "-1"));
        await CreateAsync("c", 1, ("segment.bytes", "400"), ("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"));
        for (var i = 1; i <= rounds; i++)
        {
            await AppendAsync("a", 0, null, $"plain{i}", -1);
            await TransactionAsync(i, commit: i % 3 != 0);
            for (var k = 0; k < 3; k++)
                await AppendAsync("c", 0, $"k{(i + k) % 5}", $"c{i}.{k}", -1, wait: k == 2);
            if (i % 4 == 0)
                await DeleteRecordsAsync("a", 1);
            if (i % 5 == 2)
                await CreateAsync("d", 1, ("retention.ms", "-1"));
            if (i % 5 is 2 or 3 or 4)
                await AppendAsync("d", 0, null, new string('d', 40 * i), -1);
            if (i % 5 == 4)
                await DeleteTopicAsync("d");
            if (i % 3 == 1)
                await Store.TidyAsync();
        }
    }

    /// <summary>What must be there behind a power cut at a step of the disk.</summary>
    public async Task CheckAfterAsync(int step, int seed)
    {
        var remains = disk.After(step, seed);
        TestTransactions transactions = null!;
        BrokerStore? store = null;
        try
        {
            store = await BrokerStore.OpenAsync(
                Options, Settings(remains) with { Rooms = state => [state.Topics, transactions = new TestTransactions(state)] });
            var must = durability == Durability.Disk || seed == 1 ? AcknowledgedAt(step) : 0;
            Assert.True(store.State!.Journal.Last >= must, $"entry {must} was acknowledged; {store.State.Journal.Last} were found");
            Check(store.State, transactions.Committed);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"after {step} steps, seed {seed}: {failure.Message}", failure);
        }
        finally
        {
            if (store is not null)
                await store.DisposeAsync();
        }
    }

    /// <summary>That a state is exactly what was appended up to its last entry.</summary>
    public void Check(BrokerState state) => Check(state, _transactions.Committed);

    /// <summary>That all that was acknowledged is there; what was not and is not is forgotten, its entries' numbers are given again.</summary>
    public void AssertAcknowledged(BrokerState state)
    {
        Assert.True(state.Journal.Last >= AcknowledgedAt(int.MaxValue));
        _events.RemoveAll(done => done.Entry > state.Journal.Last);
        (_state, _transactions) = (state, _newest);
    }

    private long AcknowledgedAt(int step) => _acknowledged.Where(ack => ack.Step <= step).Select(ack => ack.Entry).DefaultIfEmpty().Max();

    private void Check(BrokerState state, long committed)
    {
        Expectation expected = new();
        foreach (var (entry, act) in _events)
        {
            if (entry <= state.Journal.Last)
                act(expected);
        }
        Assert.Equal(expected.Topics.Keys.Order(StringComparer.Ordinal), state.Topics.All.Select(topic => topic.Name).Order(StringComparer.Ordinal));
        Assert.Equal(expected.Committed, committed);
        foreach (var (topic, logs) in expected.Topics)
        {
            for (var i = 0; i < logs.Length; i++)
                Check(state, state.Topics.Find(topic, i)!, logs[i], topic == "c");
        }
    }

    private static void Check(BrokerState state, PartitionLog log, ExpectedLog expected, bool compacted)
    {
        Assert.Equal(expected.End, log.EndOffset);
        Assert.Equal(expected.End, log.HighWatermark);
        Assert.Equal(expected.Open ?? expected.End, log.StableOffset);
        Assert.Equal(expected.Start, log.StartOffset);
        var seen = Read(state, log, committedOnly: false).Select(record => (record.Offset, record.Value)).ToList();
        if (!compacted)
        {
            Assert.Equal(expected.Records.Where(record => record.Offset >= expected.Start).Select(record => (record.Offset, (string?)record.Value)), seen);
            Assert.Equal(
                expected.Records.Where(record => record.Offset >= expected.Start && record.Offset < (expected.Open ?? expected.End) && !expected.Aborted.Contains(record.Transaction))
                    .Select(record => (record.Offset, (string?)record.Value)),
                Read(state, log, committedOnly: true).Select(record => (record.Offset, record.Value)));
            return;
        }
        var byOffset = expected.Records.ToDictionary(record => record.Offset, record => (string?)record.Value);
        Assert.All(seen, record => Assert.Equal(byOffset[record.Offset], record.Value));
        var latest = expected.Records.GroupBy(record => record.Key).Select(group => group.Last().Offset);
        Assert.Subset(seen.Select(record => record.Offset).ToHashSet(), latest.ToHashSet());
    }

    /// <summary>As a consumer: aborted records are left out by what the broker says of them.</summary>
    private static List<(long Offset, string? Value)> Read(BrokerState state, PartitionLog log, bool committedOnly)
    {
        List<(long, string?)> records = [];
        var offset = log.StartOffset;
        while (true)
        {
            ReadPlan plan;
            lock (state.Gate)
                plan = log.PlanRead(offset, 300, committedOnly, atLeastOne: true);
            var buffer = new byte[plan.Bytes];
            var (error, count) = plan.Read(buffer);
            Assert.Equal(ErrorCode.None, error);
            if (count == 0)
                return records;
            HashSet<long> aborted = [];
            var begins = plan.Aborted.ToList();
            for (var at = 0; at < count;)
            {
                var batch = new RecordBatch(buffer.AsSpan(at, (int)RecordBatch.LengthAt(buffer.AsSpan(at))));
                at += batch.Bytes;
                var last = batch.LastOffset;
                foreach (var transaction in begins.Where(begin => begin.FirstOffset <= last).ToList())
                {
                    aborted.Add(transaction.ProducerId);
                    begins.Remove(transaction);
                }
                if (batch.IsControl && !ControlBatch.IsCommit(batch))
                    aborted.Remove(batch.ProducerId);
                if (!batch.IsTransactional || !aborted.Contains(batch.ProducerId))
                    records.AddRange(Batches.Read(batch.Span).Where(record => record.Offset >= offset).Select(record => (record.Offset, record.Value)));
            }
            offset = TestStore.LastOffset(buffer.AsSpan(0, count)) + 1;
        }
    }

    private async Task CreateAsync(string topic, int partitions, params (string Name, string Value)[] config)
    {
        var state = Current();
        long entry;
        lock (state.Gate)
        {
            var outcome = state.Topics.Create(topic, partitions, 1, [.. config.Select(pair => KeyValuePair.Create(pair.Name, (string?)pair.Value))], false);
            if (!outcome.IsOk)
                throw new JournalFailedException(outcome.Message!, null);
            entry = state.Journal.Last;
            _events.Add((entry, expected => expected.Topics[topic] = [.. Enumerable.Range(0, partitions).Select(_ => new ExpectedLog())]));
        }
        await AcknowledgeAsync(state, entry);
    }

    private async Task DeleteTopicAsync(string topic)
    {
        var state = Current();
        long entry;
        lock (state.Gate)
        {
            if (!state.Topics.Delete(state.Topics.Find(topic)!).IsOk)
                throw new JournalFailedException("the topic cannot be deleted", null);
            entry = state.Journal.Last;
            _events.Add((entry, expected => expected.Topics.Remove(topic)));
        }
        await AcknowledgeAsync(state, entry);
    }

    private async Task DeleteRecordsAsync(string topic, int partition)
    {
        var state = Current();
        long entry;
        lock (state.Gate)
        {
            var (error, start, at) = state.Topics.Find(topic, partition)!.DeleteBefore(state.Topics.Find(topic, partition)!.HighWatermark - 2);
            if (error != ErrorCode.None)
                throw new JournalFailedException(error.ToString(), null);
            entry = at;
            _events.Add((entry, expected => expected.Topics[topic][partition].Start = start));
        }
        await AcknowledgeAsync(state, entry);
    }

    public async Task AppendAsync(string topic, int partition, string? key, string value, int transaction, bool wait = true)
    {
        var state = Current();
        long entry;
        var id = string.Create(CultureInfo.InvariantCulture, $"{topic}-{partition}");
        var sequence = _sequences.GetValueOrDefault(id);
        var batch = transaction < 0
            ? Batches.Of([(key, value)], _now)
            : Batches.Of([(key, value)], _now, producerId: 77, epoch: 0, sequence: sequence, transactional: true);
        lock (state.Gate)
        {
            var result = state.Topics.Find(topic, partition)!.Append(batch, ++_now);
            if (result.Error != ErrorCode.None)
                throw new JournalFailedException(result.Message!, null);
            entry = result.Entry;
            _events.Add((entry, expected => expected.Topics[topic][partition].Add(result.BaseOffset, key, value, transaction)));
        }
        if (transaction >= 0)
            _sequences[id] = sequence + 1;
        if (wait)
            await AcknowledgeAsync(state, entry);
    }

    private async Task TransactionAsync(int number, bool commit)
    {
        await AppendAsync("a", 0, null, $"tx{number}.0", number, wait: number % 2 == 0);
        await AppendAsync("a", 1, null, $"tx{number}.1", number, wait: false);
        var state = Current();
        long entry;
        lock (state.Gate)
        {
            entry = _transactions.End(77, 0, commit, ++_now, number, ("a", 0), ("a", 1));
            _events.Add((entry, expected =>
            {
                foreach (var log in expected.Topics["a"])
                    log.Decide(number, commit);
                if (commit)
                    expected.Committed = number;
            }
            ));
        }
        await AcknowledgeAsync(state, entry);
    }

    private async Task AcknowledgeAsync(BrokerState state, long entry)
    {
        await state.Journal.WhenDurableAsync(entry);
        lock (_acknowledged)
            _acknowledged.Add((disk.Steps, entry));
    }

    private sealed class Expectation
    {
        public Dictionary<string, ExpectedLog[]> Topics { get; } = new(StringComparer.Ordinal);

        public long Committed { get; set; }
    }

    private sealed class ExpectedLog
    {
        public long Start { get; set; }

        public long End { get; private set; }

        public long? Open { get; private set; }

        public List<(long Offset, string? Key, string Value, int Transaction)> Records { get; } = [];

        public HashSet<int> Aborted { get; } = [];

        public void Add(long offset, string? key, string value, int transaction)
        {
            Records.Add((offset, key, value, transaction));
            End = offset + 1;
            if (transaction >= 0)
                Open ??= offset;
        }

        public void Decide(int transaction, bool commit)
        {
            End++;
            Open = null;
            if (!commit)
                Aborted.Add(transaction);
        }
    }
}
