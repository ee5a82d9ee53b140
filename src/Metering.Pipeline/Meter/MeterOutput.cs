using System.Text;
using Metering.Core.Pricing;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter.Rows;
using Metering.Pipeline.Meter.Usage;
using Metering.Pipeline.Signals;

namespace Metering.Pipeline.Meter;

/// <summary>What one interval has made and not yet sent: blocks for the ledger, each below the message limit (R15), usage
/// by scope, dead letters and signals. Buffers are kept from one interval to the next.</summary>
internal sealed class MeterOutput
{
    /// <summary>What a row may take beyond its event's Avro bytes: its numbers are fixed-width columns.</summary>
    private const int RowOverheadBytes = 200;

    /// <summary>The interval is committed early when this much waits.</summary>
    private const long MaxPendingBytes = 16 << 20;

    private readonly MonthlyRows<DeadLetterRows> _deadLetterRows = new(static () => new DeadLetterRows());
    private readonly AccountRows _accounts = new();
    private readonly BlockOutput _blocks;
    private readonly MeterContext _context;
    private readonly MonthlyRows<TokenEventRows> _events;
    private readonly UsageDeltas _usage;
    private readonly List<(byte[] Key, byte[] Value)> _deadLetters = [];
    private readonly SignalOutput _signals;
    private long _pendingBytes;

    public MeterOutput(int partition, MeterContext context)
    {
        (_context, _blocks) = (context, new BlockOutput(partition, context.NewBlockId));
        _signals = new SignalOutput(context.SignalSchemaId, _blocks);
        _usage = new UsageDeltas(context);
        _events = new(() => new TokenEventRows(_usage));
    }

    /// <summary>True when the interval should be committed without waiting for its end.</summary>
    public bool IsFull => _pendingBytes + _signals.Bytes >= MaxPendingBytes;

    /// <param name="bodyBytes">Of the event as it was decoded: a record may grow when it is resolved.</param>
    public void AddEvent(in TokenEventView e, in PriceResult price, long arrivedAtMs, int bodyBytes)
    {
        var rows = _events.At(e.EventTimeMicros);
        _pendingBytes += bodyBytes + RowOverheadBytes + rows.Add(e, price, arrivedAtMs);
        _blocks.CloseIfFull(rows, bodyBytes);
    }

    public void AddAccount(EpochAccount account, in LossFigures figures)
    {
        _accounts.Add(account, figures);
        _blocks.CloseIfFull(_accounts, account.Source.Length);
    }

    public void AddDeadLetter(in InputRecord record, in EventFault fault) => AddDeadLetter(record, DeadLetters.Of(record, fault, _context.TopicPrefix));

    public void AddDeadLetter(in InputRecord record, in EventFault fault, in TokenEventView e)
    {
        var letter = DeadLetters.Of(record, fault, _context.TopicPrefix);
        letter.Source = Encoding.UTF8.GetString(e.Source);
        letter.Epoch = e.Epoch;
        letter.Sequence = e.Sequence;
        AddDeadLetter(record, letter);
    }

    /// <summary>R29: what leases paid for an event.</summary>
    public void AddPaid(in TokenEventView e) => _pendingBytes += _usage.Leases.Add(e);

    /// <summary>R29: all that a gateway instance let go has been metered.</summary>
    public void EndGateway(ReadOnlySpan<byte> gateway) => _usage.Leases.End(gateway);

    public void AddSignal(Signal signal) => _signals.Add(signal);

    /// <summary>Accounts go last: all that an account counts then lies in blocks before its own, so that the ledger can be
    /// held against it at any moment.</summary>
    public void SendTo(ITransactionOutput output)
    {
        _blocks.SendClosed(output, static rows => rows is not AccountRows);
        foreach (var rows in _events.All)
            _blocks.SendOpen(rows, output);
        foreach (var rows in _deadLetterRows.All)
            _blocks.SendOpen(rows, output);
        _signals.SendRows(output);
        _blocks.SendClosed(output, static rows => rows is AccountRows);
        _blocks.SendOpen(_accounts, output);
        _usage.SendTo(output);
        foreach (var (key, value) in _deadLetters)
            output.Send(DeadLetters.Topic, null, key, value);
        _signals.SendRecords(output);
        Clear();
    }

    private void Clear()
    {
        _blocks.Clear();
        _deadLetters.Clear();
        _events.Trim();
        _deadLetterRows.Trim();
        _pendingBytes = 0;
    }

    private void AddDeadLetter(in InputRecord record, DeadLetter letter)
    {
        var rows = _deadLetterRows.At(letter.ArrivedAtMicros);
        rows.Add(letter, Encoding.ASCII.GetBytes(DeadLetters.SymbolOf(letter.Reason)));
        _blocks.CloseIfFull(rows, letter.Detail.Length);
        var value = DeadLetters.Encode(letter, _context.DeadLetterSchemaId);
        _deadLetters.Add((DeadLetters.CutKey(record.Key).ToArray(), value));
        _pendingBytes += value.Length;
    }
}
