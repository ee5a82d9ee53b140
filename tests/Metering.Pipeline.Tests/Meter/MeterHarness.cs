using System.Buffers;
using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>
/// A host of METER without Kafka: a log of input records, a position, and what was committed. <see cref="Crash"/> drops
/// the processor with its open interval and restores another from the committed changelog, as R8 and R11 have it.
/// </summary>
internal sealed class MeterHarness
{
    /// <summary>2026-11-10 12:00 UTC.</summary>
    public static readonly DateTimeOffset Start = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);

    private readonly List<Input> _log = [];
    private readonly int _partition;
    private MeterProcessor _processor;
    private int _position;

    public MeterHarness(int partition = 0, int partitions = 1)
    {
        _partition = partition;
        Schemas = new SchemaBook(Registry, Time, NullLogger<SchemaBook>.Instance);
        Context = new MeterContext
        {
            Partitions = partitions,
            Schemas = Schemas,
            DeadLetterSchemaId = FakeRegistry.DeadLetterId,
            UsageDeltaSchemaId = FakeRegistry.UsageDeltaId,
            SignalSchemaId = FakeRegistry.SignalId,
            TopicPrefix = "t-",
            Prices = TestPrices.Book(("small", 100, 300)),
        };
        _processor = new MeterProcessor(partition, Context);
    }

    private sealed record Input(byte[]? Key, byte[] Value, RecordHeader[] Headers, long ArrivedAtMs);

    public FakeTimeProvider Time { get; } = new(Start);

    public FakeRegistry Registry { get; } = new();

    public SchemaBook Schemas { get; }

    public MeterContext Context { get; }

    /// <summary>All that was committed since the beginning.</summary>
    public CommittedOutput Committed { get; } = new();

    public int CommittedPosition { get; private set; }

    public int LogEnd => _log.Count;

    public MeterProcessor Processor => _processor;

    /// <summary>The rows of committed blocks of a table.</summary>
    public IEnumerable<NativeRow> Rows(string table) => Committed.Blocks.Where(block => block.Block.Table == table).SelectMany(block => block.Rows);

    public NativeRow[] Events => [.. Rows("token_events")];

    public Signal[] Signals => [.. Committed.Signals];

    public DeadLetter[] Letters => [.. Committed.Letters.Select(letter => letter.Letter)];

    /// <summary>The newest committed row of each account, as the ledger's table keeps it.</summary>
    public Dictionary<(string Source, long Epoch), NativeRow> Accounts =>
        Rows("source_accounts").GroupBy(row => (row.Text("source"), row.Int64("epoch"))).ToDictionary(group => group.Key, group => group.Last());

    /// <summary>Appends a record to the input; it arrives now unless a time is given.</summary>
    public void Add(byte[]? key, byte[] value, RecordHeader[]? headers = null, long? arrivedAtMs = null) =>
        _log.Add(new Input(key, value, headers ?? [], arrivedAtMs ?? Time.GetUtcNow().ToUnixTimeMilliseconds()));

    public void Add(TokenEvent e, long? arrivedAtMs = null) => Add(Encoding.UTF8.GetBytes(e.Source), Encode(e), null, arrivedAtMs);

    /// <summary>Adds the events, takes all there is and commits.</summary>
    public async Task TakeAsync(params TokenEvent[] events)
    {
        foreach (var e in events)
            Add(e);
        await RunAsync();
        Commit();
    }

    /// <summary>Processes one record, if there is one.</summary>
    public ProcessResult? Step()
    {
        if (_position == _log.Count)
            return null;
        var input = _log[_position];
        var result = _processor.Process(new InputRecord
        {
            Partition = _partition,
            Offset = _position,
            ArrivedAtMs = input.ArrivedAtMs,
            Key = input.Key,
            Value = input.Value,
            Headers = input.Headers,
        });
        if (result == ProcessResult.Taken)
            _position++;
        return result;
    }

    /// <summary>Processes to the end of the log; commits where the processor wants it; asks the registry on a wait, whose
    /// answer must be there at once.</summary>
    public async Task RunAsync()
    {
        while (Step() is { } result)
        {
            if (result == ProcessResult.Wait)
                await Schemas.ResolvePendingAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10));
            else if (_processor.WantsCommit)
                Commit();
        }
    }

    public void Commit()
    {
        var output = new CommittedOutput();
        _processor.OnCommit(Time.GetUtcNow(), output);
        Assert.All(output.Blocks, block => Assert.Equal(_partition, block.Partition));
        output.CommitTo(Committed);
        CommittedPosition = _position;
    }

    /// <summary>Sends an interval's output, and dies before the transaction commits.</summary>
    public void CommitAndLoseIt()
    {
        _processor.OnCommit(Time.GetUtcNow(), new CommittedOutput());
        Crash(compacted: false);
    }

    /// <param name="compacted">The changelog holds only the last record of each key, as the broker may leave it.</param>
    public void Crash(bool compacted)
    {
        _processor = new MeterProcessor(_partition, Context);
        foreach (var (key, value) in compacted ? Compact(Committed.Changelog) : Committed.Changelog)
            _processor.Restore(key, value);
        _position = CommittedPosition;
    }

    /// <summary>Goes on in a processor that has taken what this one saves whole, as a snapshot file gives it back.</summary>
    public void CrashWithSnapshot()
    {
        var state = new List<(byte[] Key, byte[] Value)>();
        Assert.True(_processor.TrySaveAll((key, value) => state.Add((key.ToArray(), value.ToArray()))));
        _processor = new MeterProcessor(_partition, Context);
        foreach (var (key, value) in state)
            _processor.Restore(key, value);
        _position = CommittedPosition;
    }

    /// <summary>The last value of each key, tombstones left out; what two histories leave can be compared by it.</summary>
    public SortedDictionary<string, string> State()
    {
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in Compact(Committed.Changelog).Where(record => record.Value.Length > 0))
            state.Add(Convert.ToHexString(key), Convert.ToHexString(value));
        return state;
    }

    public static byte[] Encode<T>(T e, int schemaId = FakeRegistry.TokenEventId)
        where T : IAvroRecord
    {
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, schemaId, e);
        return output.WrittenSpan.ToArray();
    }

    private static IEnumerable<(byte[] Key, byte[] Value)> Compact(List<(byte[] Key, byte[] Value)> log)
    {
        var last = log.Select((record, i) => (Key: Convert.ToHexString(record.Key), i)).GroupBy(pair => pair.Key).Select(group => group.Max(pair => pair.i)).ToHashSet();
        return log.Where((_, i) => last.Contains(i));
    }
}
