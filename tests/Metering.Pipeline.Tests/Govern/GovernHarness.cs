using System.Buffers;
using System.Text;
using Metering.Core.Policies;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Govern;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Tests.Meter;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Pipeline.Tests.Govern;

/// <summary>A host of GOVERN without Kafka: what is committed is a topic <c>control</c>, signals, rows and a changelog;
/// <see cref="Crash"/> drops what is not, and restores another processor from it, as R8 and R11 have it.</summary>
internal sealed class GovernHarness : ITransactionOutput
{
    public const int Partition = 3;

    private const int DecisionId = 21, DeltaId = 22, LeaseId = 23;

    /// <summary>2026-11-10 12:00 UTC.</summary>
    public static readonly DateTimeOffset Start = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);

    private readonly List<(byte[] Key, byte[] Value)> _changelog = [];
    private readonly List<(byte[] Key, byte[] Value)> _savedNow = [];
    private readonly List<Action> _sentNow = [];
    private GovernProcessor _processor;
    private long _offset;

    public GovernHarness(params Policy[] policies)
    {
        Registry.Schemas[DeltaId] = UsageDelta.SchemaJson;
        Registry.Schemas[LeaseId] = LeaseRequest.SchemaJson;
        Registry.Schemas[99] = SourceReport.SchemaJson;
        Context = new GovernContext
        {
            DeltaSchemas = new SchemaBook(Registry, Time, NullLogger<SchemaBook>.Instance, UsageDelta.SchemaJson),
            LeaseSchemas = new SchemaBook(Registry, Time, NullLogger<SchemaBook>.Instance, LeaseRequest.SchemaJson),
            DecisionSchemaId = DecisionId,
            SignalSchemaId = FakeRegistry.SignalId,
            Policies = PolicyMatcher.Create(policies),
        };
        _processor = new GovernProcessor(Partition, Context);
    }

    public FakeTimeProvider Time { get; } = new(Start);

    public FakeRegistry Registry { get; } = new();

    public GovernContext Context { get; }

    /// <summary>The compacted topic: the newest record of each key.</summary>
    public Dictionary<string, Decision> Control { get; } = new(StringComparer.Ordinal);

    /// <summary>Every record of the topic, tombstones as null.</summary>
    public List<(string Key, Decision? Decision)> ControlLog { get; } = [];

    public List<Signal> Signals { get; } = [];

    public List<ReadBlock> Blocks { get; } = [];

    /// <summary>Keys of the compacted changelog.</summary>
    public int StateKeys => _changelog.Select(entry => Convert.ToHexString(entry.Key)).Distinct(StringComparer.Ordinal)
        .Count(key => _changelog.Last(entry => Convert.ToHexString(entry.Key) == key).Value.Length > 0);

    public IEnumerable<NativeRow> Rows(string table) => Blocks.Where(block => block.Block.Table == table).SelectMany(block => block.Rows);

    /// <summary>Usage of a scope at a moment from now.</summary>
    public ProcessResult Use(string scope, long input, long output = 0, long costPicoUsd = 0, TimeSpan ago = default, int schemaId = DeltaId, bool leased = false)
    {
        var at = ((Time.GetUtcNow() - ago).ToUnixTimeSeconds()) * 1_000_000;
        var value = new ArrayBufferWriter<byte>();
        WireFormat.Write(value, schemaId, new UsageDelta
        {
            Scope = scope,
            TimeMicros = at,
            RateTimeMicros = at,
            Leased = leased,
            Requests = 1,
            InputTokens = input,
            OutputTokens = output,
            CostPicoUsd = costPicoUsd,
        });
        return Give(Encoding.UTF8.GetBytes(scope), value.WrittenSpan);
    }

    /// <summary>What METER tells of a lease, or of a dead gateway.</summary>
    public void Metered(string? lease, long paid = 0, string? endedGateway = null)
    {
        var value = new ArrayBufferWriter<byte>();
        WireFormat.Write(value, DeltaId, new UsageDelta { Scope = "", LeaseId = lease, LeasePaid = paid, EndedGateway = endedGateway });
        Give(Encoding.UTF8.GetBytes(lease ?? endedGateway!), value.WrittenSpan);
    }

    /// <summary>A gateway's request for an account of tokens a minute.</summary>
    public void Ask(string scope, string gateway, long number, long want, long must = 0, params LeaseReport[] leases)
    {
        var value = new ArrayBufferWriter<byte>();
        WireFormat.Write(value, LeaseId, new LeaseRequest { Scope = scope, Unit = "tokens", Per = "minute", Gateway = gateway, Request = number, Want = want, Must = must, MustFirst = must, Leases = [.. leases] });
        GiveSide(Encoding.UTF8.GetBytes(scope), value.WrittenSpan);
    }

    /// <summary>A gateway's level of a scope whose soft limit all gateways keep together.</summary>
    public void Level(string scope, string gateway, long number, string unit, long demand, long underWay = 0, long knows = 0)
    {
        var value = new ArrayBufferWriter<byte>();
        WireFormat.Write(value, LeaseId, new LeaseRequest { Scope = scope, Unit = unit, Per = "none", Gateway = gateway, Request = number, Demand = demand, UnderWay = underWay, Knows = knows });
        GiveSide(Encoding.UTF8.GetBytes(scope), value.WrittenSpan);
    }

    public void GiveSide(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        _processor.ProcessSide("lease-requests", new InputRecord { Partition = Partition, Offset = _offset++, ArrivedAtMs = Time.GetUtcNow().ToUnixTimeMilliseconds(), Key = key, Value = value });

    public bool WantsCommit => _processor.WantsCommit;

    public Decision[] Grants(string gateway) => [.. Control.Values.Where(decision => decision.Action == DecisionAction.Grant && decision.Gateway == gateway)];

    public ProcessResult Give(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var result = _processor.Process(new InputRecord { Partition = Partition, Offset = _offset, ArrivedAtMs = Time.GetUtcNow().ToUnixTimeMilliseconds(), Key = key, Value = value });
        if (result == ProcessResult.Taken)
            _offset++;
        return result;
    }

    public async Task ResolveAsync()
    {
        var resolving = Context.DeltaSchemas.ResolvePendingAsync(CancellationToken.None);
        Time.Advance(TimeSpan.FromMilliseconds(250));
        await resolving;
        Context.LeaseSchemas.Find(LeaseId);
        await Context.LeaseSchemas.ResolvePendingAsync(CancellationToken.None);
    }

    /// <summary>Commits after a time.</summary>
    public void Commit(TimeSpan after = default)
    {
        Time.Advance(after);
        _processor.OnCommit(Time.GetUtcNow(), this);
        _sentNow.ForEach(send => send());
        _changelog.AddRange(_savedNow);
        _sentNow.Clear();
        _savedNow.Clear();
    }

    /// <summary>An interval's transaction is lost, and another process takes over.</summary>
    public void Crash()
    {
        _sentNow.Clear();
        _savedNow.Clear();
        _processor = new GovernProcessor(Partition, Context);
        foreach (var (key, value) in _changelog)
            _processor.Restore(key, value);
    }

    public bool IsIdleCommitDue => _processor.IsIdleCommitDue(Time.GetUtcNow());

    public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
    {
        var (name, bytes) = (Encoding.UTF8.GetString(key), value.ToArray());
        switch (topic)
        {
            case "control":
                Assert.Equal(Partition, partition);
                _sentNow.Add(() => TakeControl(name, bytes));
                break;
            case "signals":
                var signal = new Signal();
                Assert.Equal(DecodeError.None, Signal.TryRead(bytes.AsSpan(WireFormat.HeaderBytes), new StringPool(), signal));
                Assert.Equal(name, signal.Scope);
                _sentNow.Add(() => Signals.Add(signal));
                break;
            default:
                Assert.Equal("metered-blocks", topic);
                Assert.Equal(Partition, partition);
                var block = Pipeline.Blocks.MeteredBlock.Read(0, header => headers!.Single(one => one.Name == header).Value.ToArray(), bytes);
                var (names, rows) = NativeReader.Read(bytes);
                Assert.Equal(block.Rows, rows.Length);
                Assert.Equal(block.Columns.Split(','), names);
                _sentNow.Add(() => Blocks.Add(new ReadBlock(block, bytes.Length, partition, names, rows)));
                break;
        }
    }

    public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _savedNow.Add((key.ToArray(), value.ToArray()));

    private void TakeControl(string key, byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            Control.Remove(key);
            ControlLog.Add((key, null));
            return;
        }
        var decision = new Decision();
        Assert.Equal(DecodeError.None, Decision.TryRead(bytes.AsSpan(WireFormat.HeaderBytes), new StringPool(), decision));
        Assert.Equal(key, decision.Key);
        // R24: on one key versions only grow, over tombstones too.
        var before = ControlLog.FindLast(entry => entry.Key == key && entry.Decision is not null).Decision;
        Assert.True(before is null || decision.Version > before.Version, key);
        Control[key] = decision;
        ControlLog.Add((key, decision));
    }
}
