using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>A block as SINK would get it, with its rows read back.</summary>
internal sealed record ReadBlock(MeteredBlock Block, int PayloadBytes, int? Partition, string[] Names, NativeRow[] Rows);

/// <summary>A dead letter as a reader of the topic would get it.</summary>
internal sealed record ReadLetter(byte[] Key, DeadLetter Letter, int PayloadBytes);

/// <summary>Takes what a commit sends. Nothing counts before <see cref="CommitTo"/>, as in a transaction; what must hold
/// of every block and letter is asserted as it comes, so that every test holds it.</summary>
internal sealed class CommittedOutput : ITransactionOutput
{
    public const int MaxRecordBytes = 1 << 20;

    public List<ReadBlock> Blocks { get; } = [];

    public List<ReadLetter> Letters { get; } = [];

    public List<UsageDelta> Deltas { get; } = [];

    /// <summary>Deltas that are of no scope: what leases paid, and gateways of which all is metered, in their order.</summary>
    public List<(int Partition, string? Lease, long Paid, string? Ended)> OfLeases { get; } = [];

    public List<Signal> Signals { get; } = [];

    public List<(byte[] Key, byte[] Value)> Changelog { get; } = [];

    public void CommitTo(CommittedOutput committed)
    {
        committed.Blocks.AddRange(Blocks);
        committed.Letters.AddRange(Letters);
        committed.Deltas.AddRange(Deltas);
        committed.OfLeases.AddRange(OfLeases);
        committed.Signals.AddRange(Signals);
        committed.Changelog.AddRange(Changelog);
    }

    public void Send(string topic, int? partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader>? headers = null)
    {
        var bytes = key.Length + value.Length + (headers?.Sum(header => Encoding.UTF8.GetByteCount(header.Name) + header.Value.Length) ?? 0);
        if (topic == "dead-letters")
        {
            Assert.InRange(bytes, 1, 2 * MaxRecordBytes);
            Letters.Add(new ReadLetter(key.ToArray(), ReadDeadLetter(value), bytes));
            return;
        }
        if (topic == "usage-deltas")
        {
            var delta = ReadDelta(key, value);
            Assert.Equal(delta.LeaseId is null && delta.EndedGateway is null, partition is null);
            if (partition is { } of)
                OfLeases.Add((of, delta.LeaseId, delta.LeasePaid, delta.EndedGateway));
            else
                Deltas.Add(delta);
            return;
        }
        if (topic == "signals")
        {
            Assert.InRange(bytes, 1, MaxRecordBytes);
            Signals.Add(ReadSignal(key, value));
            return;
        }
        Assert.Equal("metered-blocks", topic);
        Assert.InRange(bytes, 1, MaxRecordBytes - 1);
        Blocks.Add(Read(partition, value, headers!, bytes));
    }

    public void SaveState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Assert.InRange(key.Length + value.Length, 1, MaxRecordBytes / 4);
        Changelog.Add((key.ToArray(), value.ToArray()));
    }

    private static DeadLetter ReadDeadLetter(ReadOnlySpan<byte> value)
    {
        Assert.True(WireFormat.TryReadHeader(value, out var id, out var body));
        Assert.Equal(FakeRegistry.DeadLetterId, id);
        var letter = new DeadLetter();
        Assert.Equal(DecodeError.None, DeadLetter.TryRead(body, new StringPool(), letter));
        return letter;
    }

    private static UsageDelta ReadDelta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Assert.True(WireFormat.TryReadHeader(value, out var id, out var body));
        Assert.Equal(FakeRegistry.UsageDeltaId, id);
        var delta = new UsageDelta();
        Assert.Equal(DecodeError.None, UsageDelta.TryRead(body, new StringPool(), delta));
        Assert.Equal(delta.LeaseId ?? delta.EndedGateway ?? delta.Scope, Encoding.UTF8.GetString(key));
        return delta;
    }

    private static Signal ReadSignal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Assert.True(WireFormat.TryReadHeader(value, out var id, out var body));
        Assert.Equal(FakeRegistry.SignalId, id);
        var signal = new Signal();
        Assert.Equal(DecodeError.None, Signal.TryRead(body, new StringPool(), signal));
        Assert.Equal(signal.Scope, Encoding.UTF8.GetString(key));
        return signal;
    }

    private static ReadBlock Read(int? partition, ReadOnlySpan<byte> value, IReadOnlyList<RecordHeader> headers, int bytes)
    {
        var block = MeteredBlock.Read(0, name => headers.Single(header => header.Name == name).Value.ToArray(), value.ToArray());
        var (names, rows) = NativeReader.Read(value);
        Assert.Equal(block.Rows, rows.Length);
        Assert.Equal(block.Columns.Split(','), names);
        Assert.Equal(block.Table != "source_accounts", block.IsCounted);
        if (block.IsCounted)
            Assert.Single(rows.Select(row => MonthOf(block.Table, row)).Distinct()); // R19
        return new ReadBlock(block, bytes, partition, names, rows);
    }

    private static (int Year, int Month) MonthOf(string table, NativeRow row)
    {
        var time = table switch
        {
            "token_events" => DateTimeOffset.UnixEpoch.AddMicroseconds(row.Int64("event_time")),
            "signals" => DateTimeOffset.UnixEpoch.AddMicroseconds(row.Int64("at")),
            _ => DateTimeOffset.FromUnixTimeMilliseconds(row.Int64("arrived_at")),
        };
        return (time.Year, time.Month);
    }
}
