using System.Buffers;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>Turns blocks as they lie in Kafka into one insert: rows get their block's
/// ledger partition and offset as two constant columns, which METER could not know.</summary>
internal static class SinkInsert
{
    public static LedgerInsert Build(string table, uint ledgerPartition, IReadOnlyList<MeteredBlock> blocks, string token)
    {
        var partition = ConstantColumn.UInt32("ledger_partition", ledgerPartition);
        var placed = new List<ReadOnlyMemory<byte>>(blocks.Count);
        foreach (var block in blocks)
        {
            var output = new ArrayBufferWriter<byte>(block.Bytes.Length + (block.Rows * 12) + 128);
            NativeBlockHeader.AppendConstantColumns(block.Bytes.Span, [partition, ConstantColumn.UInt64("block_offset", checked((ulong)block.Offset))], output);
            placed.Add(output.WrittenMemory);
        }
        return new LedgerInsert("metering." + table, placed, [.. blocks[0].Columns.Split(','), "ledger_partition", "block_offset"], token);
    }
}
