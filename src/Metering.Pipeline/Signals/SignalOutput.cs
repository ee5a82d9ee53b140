using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Signals;

/// <summary>Signals of one interval: for the topic, and as rows for the ledger.</summary>
/// <param name="schemaId">Of Signal, as the topic bears it.</param>
/// <param name="blocks">Where full blocks go.</param>
internal sealed class SignalOutput(int schemaId, BlockOutput blocks)
{
    public const string Topic = "signals";

    private readonly MonthlyRows<SignalRows> _rows = new(static () => new SignalRows());
    private readonly List<(byte[] Key, byte[] Value)> _records = [];
    private readonly PooledBuffer _encoded = new();

    /// <summary>What the topic's records take.</summary>
    public long Bytes { get; private set; }

    /// <param name="toLedger">False: for the topic only, a sample between two that are kept.</param>
    public void Add(Signal signal, bool toLedger = true)
    {
        if (toLedger)
        {
            var rows = _rows.At(signal.AtMicros);
            rows.Add(signal);
            blocks.CloseIfFull(rows, BlockOutput.LargeRowBytes);
        }
        _encoded.Clear();
        WireFormat.Write(_encoded, schemaId, signal);
        _records.Add((Encoding.UTF8.GetBytes(signal.Scope), _encoded.WrittenSpan.ToArray()));
        Bytes += _encoded.WrittenSpan.Length;
    }

    /// <summary>Sends the rows that stand in open blocks.</summary>
    public void SendRows(ITransactionOutput output)
    {
        foreach (var rows in _rows.All)
            blocks.SendOpen(rows, output);
        _rows.Trim();
    }

    /// <summary>Sends the topic's records.</summary>
    public void SendRecords(ITransactionOutput output)
    {
        foreach (var (key, value) in _records)
            output.Send(Topic, null, key, value);
        _records.Clear();
        Bytes = 0;
    }
}
