using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Metering.ClickHouse.Native;

/// <summary>
/// The first bytes of an encoded Native block: how many columns and rows follow. It lets SINK add the block's place
/// (ledger partition, offset) as columns without decoding the rest.
/// </summary>
/// <param name="HeaderBytes">Where the first column begins.</param>
public readonly record struct NativeBlockHeader(int Columns, int Rows, int HeaderBytes)
{
    /// <summary>More columns than any table has: a count beyond it is damage.</summary>
    public const int MaxColumns = 10_000;

    /// <summary>Reads the header.</summary>
    /// <returns>False when the bytes are no block: cut off, or counts that cannot be. Every column takes at least a
    /// byte a row, so a block of n bytes has no more than n rows.</returns>
    public static bool TryRead(ReadOnlySpan<byte> block, out NativeBlockHeader header)
    {
        header = default;
        if (!Varint.TryRead(block, out var columns, out var first) || columns > MaxColumns)
            return false;
        if (!Varint.TryRead(block[first..], out var rows, out var second))
            return false;
        var rest = block.Length - first - second;
        if (rows > (ulong)rest || (columns == 0 && (rows > 0 || rest > 0)))
            return false;
        header = new NativeBlockHeader((int)columns, (int)rows, first + second);
        return true;
    }

    /// <summary>Writes the block again with more columns at its end, each with one value in all rows.</summary>
    /// <exception cref="FormatException">The bytes are no block.</exception>
    public static void AppendConstantColumns(ReadOnlySpan<byte> block, ReadOnlySpan<ConstantColumn> columns, IBufferWriter<byte> output)
    {
        if (!TryRead(block, out var header))
            throw new FormatException($"These {block.Length} bytes are no Native block: its counts of columns and rows cannot be.");
        output.Write(header.WithColumns(columns.Length).Span);
        output.Write(block[header.HeaderBytes..]);
        WriteColumns(columns, header.Rows, output);
    }

    /// <summary>The header of this block with more columns behind its own: whoever sends it sends the block's bytes from
    /// <see cref="HeaderBytes"/> on, then <see cref="WriteColumns"/>.</summary>
    public ReadOnlyMemory<byte> WithColumns(int added)
    {
        var bytes = new byte[2 * Varint.MaxBytes];
        var used = Varint.Write(bytes, (ulong)(Columns + added));
        used += Varint.Write(bytes.AsSpan(used), (ulong)Rows);
        return bytes.AsMemory(0, used);
    }

    /// <summary>Writes columns that have one value in all rows, as they stand in a block.</summary>
    public static void WriteColumns(ReadOnlySpan<ConstantColumn> columns, int rows, IBufferWriter<byte> output)
    {
        foreach (var column in columns)
        {
            WriteText(output, column.Name);
            WriteText(output, column.Type);
            WriteValues(output, column, rows);
        }
    }

    /// <summary>At least what <see cref="WriteColumns"/> will write.</summary>
    public static int BytesOf(ReadOnlySpan<ConstantColumn> columns, int rows)
    {
        var bytes = 0;
        foreach (var column in columns)
            bytes += (2 * Varint.MaxBytes) + Encoding.UTF8.GetMaxByteCount(column.Name.Length + column.Type.Length) + (rows * column.Width);
        return bytes;
    }

    private static void WriteValues(IBufferWriter<byte> output, ConstantColumn column, int rows)
    {
        const int rowsAtOnce = 4096;
        for (var left = rows; left > 0;)
        {
            var now = Math.Min(left, rowsAtOnce);
            var bytes = output.GetSpan(now * column.Width)[..(now * column.Width)];
            switch (column.Width)
            {
                case sizeof(ushort):
                    MemoryMarshal.Cast<byte, ushort>(bytes).Fill((ushort)column.Value);
                    break;
                case sizeof(uint):
                    MemoryMarshal.Cast<byte, uint>(bytes).Fill((uint)column.Value);
                    break;
                default:
                    MemoryMarshal.Cast<byte, ulong>(bytes).Fill(column.Value);
                    break;
            }
            output.Advance(bytes.Length);
            left -= now;
        }
    }

    private static void WriteNumber(IBufferWriter<byte> output, ulong value) =>
        output.Advance(Varint.Write(output.GetSpan(Varint.MaxBytes), value));

    private static void WriteText(IBufferWriter<byte> output, string text)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        WriteNumber(output, (ulong)bytes);
        output.Advance(Encoding.UTF8.GetBytes(text, output.GetSpan(bytes)));
    }
}
