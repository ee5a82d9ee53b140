using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Blocks;

/// <summary>Blocks for the ledger that an interval has filled, each below the message limit (R15). Buffers are kept from one
/// interval to the next.</summary>
/// <param name="partition">Of <c>metered-blocks</c>: the task's own.</param>
/// <param name="newBlockId">Makes a block's random id (R18).</param>
internal sealed class BlockOutput(int partition, Func<Guid> newBlockId)
{
    /// <summary>A row from this size on is looked at at once.</summary>
    public const int LargeRowBytes = 2 << 10;

    /// <summary>A block is closed at this size: one more row of the largest kind (140 KB, R15), fifteen of 2 KB and the
    /// headers still fit 1 MB.</summary>
    private const int MaxBlockBytes = 704 << 10;

    private readonly List<ClosedBlock> _closed = [];
    private readonly PooledBuffer _encoded = new();
    private readonly Dictionary<string, string> _columnNames = [];

    private readonly record struct ClosedBlock(ILedgerRows Rows, int Count, PooledBuffer Bytes);

    /// <summary>Closes the rows' block when another row may not fit. Call it after each.</summary>
    public void CloseIfFull(ILedgerRows rows, int addedBytes)
    {
        // The exact size costs a call a column, so it is asked every 16 rows, and after each large one.
        if (addedBytes < LargeRowBytes && (rows.Block.RowCount & 15) != 0)
            return;
        if (rows.Block.EncodedBytes < MaxBlockBytes)
            return;
        var block = new ClosedBlock(rows, rows.Block.RowCount, new PooledBuffer(MaxBlockBytes));
        Encode(rows, block.Bytes);
        _closed.Add(block);
    }

    /// <summary>Sends the closed blocks of the tables that <paramref name="which"/> names.</summary>
    public void SendClosed(ITransactionOutput output, Func<ILedgerRows, bool> which)
    {
        foreach (var block in _closed)
        {
            if (which(block.Rows))
                Send(block.Rows, block.Count, block.Bytes.WrittenSpan, output);
        }
    }

    /// <summary>Sends what lies in the rows' open block, if anything does.</summary>
    public void SendOpen(ILedgerRows rows, ITransactionOutput output)
    {
        var count = rows.Block.RowCount;
        if (count == 0)
            return;
        _encoded.Clear();
        Encode(rows, _encoded);
        Send(rows, count, _encoded.WrittenSpan, output);
    }

    /// <summary>The closed blocks are sent.</summary>
    public void Clear()
    {
        foreach (var block in _closed)
            block.Bytes.Dispose();
        _closed.Clear();
    }

    private static void Encode(ILedgerRows rows, PooledBuffer bytes)
    {
        rows.Block.WriteTo(bytes);
        rows.Reset();
    }

    private void Send(ILedgerRows rows, int count, ReadOnlySpan<byte> bytes, ITransactionOutput output)
    {
        var headers = MeteredBlock.Headers(rows.Table, count, ColumnsOf(rows), newBlockId().ToString("N"), rows.IsCounted);
        output.Send(MeteredBlock.Topic, partition, [], bytes, headers);
    }

    private string ColumnsOf(ILedgerRows rows)
    {
        if (!_columnNames.TryGetValue(rows.Table, out var names))
            _columnNames.Add(rows.Table, names = string.Join(',', rows.Block.Columns.Select(column => column.Name)));
        return names;
    }
}
