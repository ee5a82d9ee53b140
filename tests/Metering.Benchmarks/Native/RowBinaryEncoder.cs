namespace Metering.Benchmarks.Native;

/// <summary>What a team writes first: the same rows as RowBinary by a BinaryWriter, value after value, in the same
/// order of columns. It gets its texts as UTF-8 too.</summary>
internal sealed class RowBinaryEncoder(NativeRows rows)
{
    public void Encode(int from, int to, Stream output)
    {
        using var writer = new BinaryWriter(output, System.Text.Encoding.UTF8, leaveOpen: true);
        for (var row = from; row < to; row++)
            Write(writer, row);
    }

    private void Write(BinaryWriter writer, int row)
    {
        for (var i = 0; i < NativeRows.NameFields.Length; i++)
            Text(writer, rows.Name(row, i));
        for (var i = 0; i < NativeRows.NumberFields.Length; i++)
            writer.Write(rows.Number(row, i));
        Text(writer, rows.RequestId(row));
        for (var i = 1; i < 4; i++)
            Text(writer, []);
        var timeMicros = NativeRows.TimeMicros(row);
        writer.Write(timeMicros);
        writer.Write(timeMicros / 1000);
        writer.Write(false);
        writer.Write(timeMicros - 1000);
        writer.Write(true);
        writer.Write((sbyte)0);
        writer.Write((sbyte)(row % 50 == 0 ? 1 : 0));
        writer.Write((sbyte)0);
        writer.Write(false);
        writer.Write(row % 2 == 0);
        writer.Write((byte)1);
        if (row % 4 == 0)
        {
            writer.Write7BitEncodedInt(1);
            Text(writer, "team"u8);
            Text(writer, rows.Name(row, 3));
        }
        else
        {
            writer.Write7BitEncodedInt(0);
        }
    }

    private static void Text(BinaryWriter writer, ReadOnlySpan<byte> utf8)
    {
        writer.Write7BitEncodedInt(utf8.Length);
        writer.Write(utf8);
    }
}
