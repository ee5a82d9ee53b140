using System.Buffers;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>
/// Turns blocks as they lie in Kafka into one insert: rows get their block's ledger partition and offset as two constant
/// columns, which METER could not know. The columns that METER encoded are sent as they are, without a copy: a block goes
/// in three pieces, its counts, its columns, and the two that are added.
/// </summary>
internal static class SinkInsert
{
    public static LedgerInsert Build(string table, uint ledgerPartition, IReadOnlyList<MeteredBlock> blocks, string token)
    {
        var partition = ConstantColumn.UInt32("ledger_partition", ledgerPartition);
        var pieces = new List<ReadOnlyMemory<byte>>(3 * blocks.Count);
        foreach (var block in blocks)
        {
            ConstantColumn[] added = [partition, ConstantColumn.UInt64("block_offset", checked((ulong)block.Offset))];
            if (!NativeBlockHeader.TryRead(block.Bytes.Span, out var header) || header.Rows != block.Rows)
                throw new InvalidDataException($"{MeteredBlock.Topic} offset {block.Offset}: its {block.Bytes.Length} bytes are no Native block of {block.Rows} rows; only METER may write to this topic");
            pieces.Add(header.WithColumns(added.Length));
            pieces.Add(block.Bytes[header.HeaderBytes..]);
            pieces.Add(Columns(added, header.Rows));
        }
        return new LedgerInsert("metering." + table, pieces, [.. blocks[0].Columns.Split(','), "ledger_partition", "block_offset"], token);
    }

    private static ReadOnlyMemory<byte> Columns(ReadOnlySpan<ConstantColumn> columns, int rows)
    {
        var output = new ArrayBufferWriter<byte>(NativeBlockHeader.BytesOf(columns, rows));
        NativeBlockHeader.WriteColumns(columns, rows, output);
        return output.WrittenMemory;
    }
}
