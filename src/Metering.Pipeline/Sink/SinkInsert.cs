using System.Buffers;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>Turns blocks as they lie in Kafka into one insert: rows of counted tables get their block's partition and
/// offset as two constant columns, which METER could not know.</summary>
internal static class SinkInsert
{
    public static LedgerInsert Build(string table, int partition, IReadOnlyList<MeteredBlock> blocks, string token)
    {
        var columns = blocks[0].Columns.Split(',');
        if (!blocks[0].IsCounted)
            return new LedgerInsert("metering." + table, [.. blocks.Select(block => block.Bytes)], columns, token);
        var placed = new List<ReadOnlyMemory<byte>>(blocks.Count);
        foreach (var block in blocks)
        {
            var output = new ArrayBufferWriter<byte>(block.Bytes.Length + (block.Rows * 10) + 128);
            NativeBlockHeader.AppendConstantColumns(block.Bytes.Span, output, checked((ushort)partition), checked((ulong)block.Offset));
            placed.Add(output.WrittenMemory);
        }
        return new LedgerInsert("metering." + table, placed, [.. columns, "ledger_partition", "block_offset"], token);
    }
}
