using System.Globalization;
using System.Text;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Blocks;

/// <summary>
/// A record of <c>metered-blocks</c>: rows for one table of the ledger as a ClickHouse Native block. Its headers say
/// which, so that SINK needs to know no layout: <c>table</c> (without database), <c>rows</c>, <c>columns</c> (names,
/// joined by commas, in the block's order), <c>id</c> (16 random bytes as hex: R18), <c>counted</c> (1 or 0). All are
/// ASCII, for Kafka's tools. The rows of a block are of one month, so that the ledger holds a block whole or not at all.
/// </summary>
/// <param name="Offset">The record's offset in its partition of <c>metered-blocks</c>.</param>
/// <param name="IsCounted">The table's rows are facts, counted after an insert of unknown outcome (R19). Otherwise they
/// are absolute values that replace each other: sending them again does no harm, and counting them tells nothing.</param>
public sealed record MeteredBlock(long Offset, string Table, int Rows, string Columns, string Id, bool IsCounted, ReadOnlyMemory<byte> Bytes)
{
    public const string Topic = "metered-blocks";

    public static RecordHeader[] Headers(string table, int rows, string columns, string id, bool isCounted) =>
    [
        new("table", Encoding.ASCII.GetBytes(table)),
        new("rows", Encoding.ASCII.GetBytes(rows.ToString(CultureInfo.InvariantCulture))),
        new("columns", Encoding.ASCII.GetBytes(columns)),
        new("id", Encoding.ASCII.GetBytes(id)),
        new("counted", isCounted ? "1"u8.ToArray() : "0"u8.ToArray()),
    ];

    /// <exception cref="InvalidDataException">A header is missing or malformed: METER did not write this record.</exception>
    public static MeteredBlock Read(long offset, Func<string, byte[]?> header, ReadOnlyMemory<byte> bytes)
    {
        var rowsText = Text("rows");
        if (!int.TryParse(rowsText, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) || rows < 1)
            throw new InvalidDataException($"{Topic} offset {offset}: header rows is '{rowsText}', expected a number above 0");
        return new MeteredBlock(offset, Text("table"), rows, Text("columns"), Text("id"), Text("counted") == "1", bytes);

        string Text(string name) => header(name) is { Length: > 0 } value
            ? Encoding.ASCII.GetString(value)
            : throw new InvalidDataException($"{Topic} offset {offset}: header {name} is missing; only METER may write to this topic");
    }
}
