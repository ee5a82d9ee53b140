using System.Buffers;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>Turns blocks as they lie in Kafka into one insert: rows get the ledger partition and, in counted
/// tables, their block's offset as constant columns, which METER could not know.</summary>
internal static class SinkInsert
{
    public static LedgerInsert Build(string table, uint ledgerPartition, IReadOnlyList<MeteredBlock> blocks, string token)
    {
        var columns = blocks[0].Columns.Split(',');
        var isCounted = blocks[0].IsCounted;
        var placed = new List<ReadOnlyMemory<byte>>(blocks.Count);
        foreach (var block in blocks)
        {
            var output = new ArrayBufferWriter<byte>(block.Bytes.Length + (block.Rows * 12) + 128);
            var partition = ConstantColumn.UInt32("ledger_partition", ledgerPartition);
            if (isCounted)
                NativeBlockHeader.AppendConstantColumns(block.Bytes.Span, [partition, ConstantColumn.UInt64("block_offset", checked((ulong)block.Offset))], output);
            else
                NativeBlockHeader.AppendConstantColumns(block.Bytes.Span, [partition], output);
            placed.Add(output.WrittenMemory);
        }
        return new LedgerInsert("metering." + table, placed, isCounted ? [.. columns, "ledger_partition", "block_offset"] : [.. columns, "ledger_partition"], token);
    }
}
