using System.Buffers;
using System.Globalization;
using System.Text;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Native;

/// <summary>
/// A block of rows in ClickHouse's Native format (revision 0), built column by column: declare the columns once, then
/// per row append one value to each and call <see cref="EndRow"/>. After warm-up nothing is allocated. For one thread.
/// </summary>
public sealed class NativeBlock
{
    private readonly List<NativeColumn> _declared = [];
    private NativeColumn[] _columns = [];

    /// <summary>Rows ended since the last reset.</summary>
    public int RowCount { get; private set; }

    /// <summary>The columns in the order of their declaration, which is that of the wire.</summary>
    public IReadOnlyList<NativeColumn> Columns => _declared;

    /// <summary>Exactly what <see cref="WriteTo"/> would write now. Costs a call a column: ask every few rows.</summary>
    public long EncodedBytes
    {
        get
        {
            long bytes = Varint.Size((ulong)_columns.Length) + Varint.Size((ulong)RowCount);
            foreach (var column in _columns)
                bytes += column.HeaderBytes + (RowCount == 0 ? 0 : column.DataBytes);
            return bytes;
        }
    }

    public FixedColumn<sbyte> Int8(string name) => Add(new FixedColumn<sbyte>(name, "Int8"));

    public FixedColumn<short> Int16(string name) => Add(new FixedColumn<short>(name, "Int16"));

    public FixedColumn<int> Int32(string name) => Add(new FixedColumn<int>(name, "Int32"));

    public FixedColumn<long> Int64(string name) => Add(new FixedColumn<long>(name, "Int64"));

    public FixedColumn<Int128> Int128(string name) => Add(new FixedColumn<Int128>(name, "Int128"));

    public FixedColumn<byte> UInt8(string name) => Add(new FixedColumn<byte>(name, "UInt8"));

    public FixedColumn<ushort> UInt16(string name) => Add(new FixedColumn<ushort>(name, "UInt16"));

    public FixedColumn<uint> UInt32(string name) => Add(new FixedColumn<uint>(name, "UInt32"));

    public FixedColumn<ulong> UInt64(string name) => Add(new FixedColumn<ulong>(name, "UInt64"));

    public FixedColumn<double> Float64(string name) => Add(new FixedColumn<double>(name, "Float64"));

    public FixedColumn<bool> Bool(string name) => Add(new FixedColumn<bool>(name, "Bool"));

    /// <summary>Days since 1970.</summary>
    public FixedColumn<ushort> Date(string name) => Add(new FixedColumn<ushort>(name, "Date"));

    /// <summary>Unix seconds, UTC.</summary>
    public FixedColumn<uint> DateTime(string name) => Add(new FixedColumn<uint>(name, "DateTime('UTC')"));

    /// <summary>Unix microseconds, UTC.</summary>
    public FixedColumn<long> DateTime64Micros(string name) => Add(new FixedColumn<long>(name, "DateTime64(6, 'UTC')"));

    /// <summary>Unix milliseconds, UTC.</summary>
    public FixedColumn<long> DateTime64Millis(string name) => Add(new FixedColumn<long>(name, "DateTime64(3, 'UTC')"));

    /// <summary>Decimal(38, scale): the value times 10^scale.</summary>
    public FixedColumn<Int128> Decimal38(string name, int scale) =>
        Add(new FixedColumn<Int128>(name, string.Create(CultureInfo.InvariantCulture, $"Decimal(38, {scale})")));

    /// <summary>Enum8 whose numbers are the symbols' positions, from 0: an Avro enum's own numbers.</summary>
    public FixedColumn<sbyte> Enum8(string name, params IReadOnlyList<string> symbols)
    {
        if (symbols.Count is 0 or > 128)
            throw new ArgumentException($"Column {name} has {symbols.Count} symbols, an Enum8 here has 1 to 128.", nameof(symbols));
        var type = new StringBuilder("Enum8(");
        for (var i = 0; i < symbols.Count; i++)
            type.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}{SqlText.Literal(symbols[i])} = {i}");
        return Add(new FixedColumn<sbyte>(name, type.Append(')').ToString()));
    }

    public FixedBytesColumn Uuid(string name) => Add(new FixedBytesColumn(name, "UUID", 16));

    public FixedBytesColumn FixedString(string name, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return Add(new FixedBytesColumn(name, string.Create(CultureInfo.InvariantCulture, $"FixedString({width})"), width));
    }

    public StringColumn String(string name) => Add(new StringColumn(name));

    public NullableStringColumn NullableString(string name) => Add(new NullableStringColumn(name));

    public LowCardinalityColumn LowCardinality(string name) => Add(new LowCardinalityColumn(name));

    /// <summary>Map(LowCardinality(String), String).</summary>
    public TextMapColumn Map(string name) => Add(new TextMapColumn(name));

    /// <summary>Map(LowCardinality(String), Int64).</summary>
    public NumberMapColumn NumberMap(string name) => Add(new NumberMapColumn(name));

    public NullableColumn<int> NullableInt32(string name) => Add(new NullableColumn<int>(name, "Int32"));

    public NullableColumn<long> NullableInt64(string name) => Add(new NullableColumn<long>(name, "Int64"));

    public NullableColumn<ulong> NullableUInt64(string name) => Add(new NullableColumn<ulong>(name, "UInt64"));

    /// <summary>Unix microseconds, UTC.</summary>
    public NullableColumn<long> NullableDateTime64Micros(string name) => Add(new NullableColumn<long>(name, "DateTime64(6, 'UTC')"));

    /// <summary>Ends a row: each column has got exactly one value.</summary>
    /// <exception cref="InvalidOperationException">A column got none or several; <see cref="Rollback"/> drops the row
    /// where none got more than one.</exception>
    public void EndRow()
    {
        var rows = RowCount + 1;
        foreach (var column in _columns)
        {
            if (column.Count != rows)
                ThrowUneven(column, rows);
        }
        RowCount = rows;
    }

    /// <summary>Drops what was appended since the last <see cref="EndRow"/>.</summary>
    /// <exception cref="InvalidOperationException">A column got several values: only a reset helps.</exception>
    public void Rollback()
    {
        foreach (var column in _columns)
        {
            if (column.Count > RowCount + 1)
                ThrowUneven(column, RowCount + 1);
            if (column.Count > RowCount)
                column.DropLast();
            else if (column is MapColumn map)
                map.DropOpenPairs();
        }
    }

    /// <summary>Writes the block; it can be written again, or appended to.</summary>
    /// <exception cref="InvalidOperationException">A row is under way.</exception>
    public void WriteTo(IBufferWriter<byte> output)
    {
        foreach (var column in _columns)
        {
            if (column.Count != RowCount || column is MapColumn { HasOpenPairs: true })
                ThrowUneven(column, RowCount);
        }
        var header = output.GetSpan(2 * Varint.MaxBytes);
        var used = Varint.Write(header, (ulong)_columns.Length);
        used += Varint.Write(header[used..], (ulong)RowCount);
        output.Advance(used);
        foreach (var column in _columns)
        {
            column.WriteHeader(output);
            // No rows are no bytes, whatever the type.
            if (RowCount == 0)
                continue;
            column.WritePrefix(output);
            column.WriteData(output);
        }
    }

    /// <summary>Empties all columns; their memory stays for the next block.</summary>
    public void Reset()
    {
        RowCount = 0;
        foreach (var column in _columns)
            column.Reset();
    }

    private TColumn Add<TColumn>(TColumn column)
        where TColumn : NativeColumn
    {
        if (RowCount > 0)
            throw new InvalidOperationException($"Column {column.Name} comes too late: the block has rows.");
        foreach (var other in _declared)
        {
            if (string.Equals(other.Name, column.Name, StringComparison.Ordinal))
                throw new ArgumentException($"Column {column.Name} is declared twice.", nameof(column));
        }
        _declared.Add(column);
        _columns = [.. _declared];
        return column;
    }

    private static void ThrowUneven(NativeColumn column, int rows) =>
        throw new InvalidOperationException($"Column {column.Name} has {column.Count} values where {rows} rows need one each.");
}
