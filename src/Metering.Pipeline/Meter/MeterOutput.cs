using System.Text;
using Metering.Core.Pricing;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter.Rows;
using Metering.Pipeline.Meter.Usage;

namespace Metering.Pipeline.Meter;

/// <summary>What one interval has made and not yet sent: blocks for the ledger, each below the message limit (R15), usage
/// by scope, dead letters and signals. Buffers are kept from one interval to the next.</summary>
internal sealed class MeterOutput
{
    /// <summary>A block is closed at this size: one more row of the largest kind (140 KB, R15), fifteen of 2 KB and the
    /// headers still fit 1 MB.</summary>
    private const int MaxBlockBytes = 704 << 10;

    private const int LargeRowBytes = 2 << 10;

    private const string SignalTopic = "signals";

    /// <summary>What a row may take beyond its event's Avro bytes: its numbers are fixed-width columns.</summary>
    private const int RowOverheadBytes = 200;

    /// <summary>The interval is committed early when this much waits.</summary>
    private const long MaxPendingBytes = 16 << 20;

    private readonly MonthlyRows<DeadLetterRows> _deadLetterRows = new(static () => new DeadLetterRows());
    private readonly MonthlyRows<SignalRows> _signalRows = new(static () => new SignalRows());
    private readonly AccountRows _accounts = new();
    private readonly List<PendingBlock> _closed = [];
    private readonly int _partition;
    private readonly MeterContext _context;
    private readonly MonthlyRows<TokenEventRows> _events;
    private readonly UsageDeltas _usage;
    private readonly List<(byte[] Key, byte[] Value)> _deadLetters = [];
    private readonly List<(byte[] Key, byte[] Value)> _signals = [];
    private readonly PooledBuffer _encoded = new();
    private readonly Dictionary<string, string> _columnNames = [];
    private long _pendingBytes;

    public MeterOutput(int partition, MeterContext context)
    {
        (_partition, _context) = (partition, context);
        _usage = new UsageDeltas(context);
        _events = new(() => new TokenEventRows(_usage.Usage));
    }

    private readonly record struct PendingBlock(ILedgerRows Rows, int Count, PooledBuffer Bytes);

    /// <summary>True when the interval should be committed without waiting for its end.</summary>
    public bool IsFull => _pendingBytes >= MaxPendingBytes;

    /// <param name="bodyBytes">Of the event as it was decoded: a record may grow when it is resolved.</param>
    public void AddEvent(in TokenEventView e, in PriceResult price, long arrivedAtMs, int bodyBytes)
    {
        var rows = _events.At(e.EventTimeMicros);
        _pendingBytes += bodyBytes + RowOverheadBytes + rows.Add(e, price, arrivedAtMs);
        CloseIfFull(rows, bodyBytes);
    }

    public void AddAccount(EpochAccount account, in LossFigures figures)
    {
        _accounts.Add(account, figures);
        CloseIfFull(_accounts, account.Source.Length);
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

    public void AddSignal(Signal signal)
    {
        var rows = _signalRows.At(signal.AtMicros);
        rows.Add(signal);
        CloseIfFull(rows, LargeRowBytes);
        _encoded.Clear();
        WireFormat.Write(_encoded, _context.SignalSchemaId, signal);
        _signals.Add((Encoding.UTF8.GetBytes(signal.Scope), _encoded.WrittenSpan.ToArray()));
        _pendingBytes += _encoded.WrittenSpan.Length;
    }

    /// <summary>Accounts go last: all that an account counts then lies in blocks before its own, so that the ledger can be
    /// held against it at any moment.</summary>
    public void SendTo(ITransactionOutput output)
    {
        SendClosed(output, accounts: false);
        foreach (var rows in _events.All)
            SendOpen(rows, output);
        foreach (var rows in _deadLetterRows.All)
            SendOpen(rows, output);
        foreach (var rows in _signalRows.All)
            SendOpen(rows, output);
        SendClosed(output, accounts: true);
        SendOpen(_accounts, output);
        _usage.SendTo(output);
        foreach (var (key, value) in _deadLetters)
            output.Send(DeadLetters.Topic, null, key, value);
        foreach (var (key, value) in _signals)
            output.Send(SignalTopic, null, key, value);
        Clear();
    }

    private void Clear()
    {
        foreach (var block in _closed)
            block.Bytes.Dispose();
        _closed.Clear();
        _deadLetters.Clear();
        _signals.Clear();
        _events.Trim();
        _deadLetterRows.Trim();
        _signalRows.Trim();
        _pendingBytes = 0;
    }

    private void SendClosed(ITransactionOutput output, bool accounts)
    {
        foreach (var block in _closed)
        {
            if (block.Rows is AccountRows == accounts)
                Send(block.Rows, block.Count, block.Bytes.WrittenSpan, output);
        }
    }

    private void AddDeadLetter(in InputRecord record, DeadLetter letter)
    {
        var rows = _deadLetterRows.At(letter.ArrivedAtMicros);
        rows.Add(letter, Encoding.ASCII.GetBytes(DeadLetters.SymbolOf(letter.Reason)));
        CloseIfFull(rows, letter.Detail.Length);
        var value = DeadLetters.Encode(letter, _context.DeadLetterSchemaId);
        _deadLetters.Add((DeadLetters.CutKey(record.Key).ToArray(), value));
        _pendingBytes += value.Length;
    }

    private void CloseIfFull(ILedgerRows rows, int addedBytes)
    {
        // The exact size costs a call a column, so it is asked every 16 rows, and after each large one.
        if (addedBytes < LargeRowBytes && (rows.Block.RowCount & 15) != 0)
            return;
        if (rows.Block.EncodedBytes < MaxBlockBytes)
            return;
        var block = new PendingBlock(rows, rows.Block.RowCount, new PooledBuffer(MaxBlockBytes));
        Encode(rows, block.Bytes);
        _closed.Add(block);
    }

    private void SendOpen(ILedgerRows rows, ITransactionOutput output)
    {
        var count = rows.Block.RowCount;
        if (count == 0)
            return;
        _encoded.Clear();
        Encode(rows, _encoded);
        Send(rows, count, _encoded.WrittenSpan, output);
    }

    private static void Encode(ILedgerRows rows, PooledBuffer bytes)
    {
        rows.Block.WriteTo(bytes);
        rows.Reset();
    }

    private void Send(ILedgerRows rows, int count, ReadOnlySpan<byte> bytes, ITransactionOutput output)
    {
        var headers = MeteredBlock.Headers(rows.Table, count, ColumnsOf(rows), _context.NewBlockId().ToString("N"), rows.IsCounted);
        output.Send(MeteredBlock.Topic, _partition, [], bytes, headers);
    }

    private string ColumnsOf(ILedgerRows rows)
    {
        if (!_columnNames.TryGetValue(rows.Table, out var names))
            _columnNames.Add(rows.Table, names = string.Join(',', rows.Block.Columns.Select(column => column.Name)));
        return names;
    }
}
