using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Reads a Native block back into rows, by the format's own description and not by our encoder's code.</summary>
internal ref struct NativeReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The columns' names in their order, and each column's values.</summary>
    public static (string[] Names, NativeRow[] Rows) Read(ReadOnlySpan<byte> block)
    {
        var reader = new NativeReader(block);
        var names = new string[reader.Varint()];
        var rowCount = (int)reader.Varint();
        var values = new object?[names.Length][];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = reader.Text();
            values[i] = reader.Column(reader.Text(), rowCount);
        }
        Assert.Equal(0, reader._rest.Length);
        var indexes = names.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i, StringComparer.Ordinal);
        return (names, [.. Enumerable.Range(0, rowCount).Select(row => new NativeRow(indexes, values, row))]);
    }

    private object?[] Column(string type, int rows)
    {
        if (type.StartsWith("LowCardinality(", StringComparison.Ordinal))
        {
            Assert.Equal(1, Number<long>());
            return LowCardinality(rows);
        }
        if (type.StartsWith("Map(", StringComparison.Ordinal))
        {
            Assert.Equal(1, Number<long>());
            return Maps(rows, type.EndsWith(", Int64)", StringComparison.Ordinal) ? "Int64" : "String");
        }
        if (!type.StartsWith("Nullable(", StringComparison.Ordinal))
            return Values(type, rows);
        var nulls = Values("UInt8", rows);
        var values = Values(type["Nullable(".Length..^1], rows);
        return [.. values.Select((value, i) => nulls[i] is (byte)1 ? null : value)];
    }

    private object?[] Values(string type, int rows)
    {
        var values = new object?[rows];
        for (var i = 0; i < rows; i++)
            values[i] = Value(type);
        return values;
    }

    private object Value(string type) => type.Split('(')[0] switch
    {
        "String" => Text(),
        "Int64" or "DateTime64" => Number<long>(),
        "UInt64" => Number<ulong>(),
        "DateTime" => Number<uint>(),
        "Int32" => Number<int>(),
        "Int128" => Number<Int128>(),
        "UInt8" or "Bool" => Number<byte>(),
        "Enum8" => Number<sbyte>(),
        _ => throw new NotSupportedException(type),
    };

    private object?[] LowCardinality(int rows)
    {
        if (rows == 0)
            return [];
        var flags = Number<ulong>();
        Assert.Equal(0x600UL, flags & ~3UL);
        var dictionary = Values("String", (int)Number<ulong>());
        Assert.Equal("", dictionary[0]);
        Assert.Equal(rows, (int)Number<ulong>());
        var values = new object?[rows];
        for (var i = 0; i < rows; i++)
            values[i] = dictionary[(flags & 3) switch { 0 => Number<byte>(), 1 => Number<ushort>(), _ => (int)Number<uint>() }];
        return values;
    }

    private object?[] Maps(int rows, string valueType)
    {
        var ends = Values("UInt64", rows).Select(end => (int)(ulong)end!).ToArray();
        var pairs = rows == 0 ? 0 : ends[^1];
        var keys = LowCardinality(pairs);
        var values = Values(valueType, pairs);
        return [.. ends.Select((end, row) => (object?)Enumerable.Range(row == 0 ? 0 : ends[row - 1], end - (row == 0 ? 0 : ends[row - 1]))
            .Select(i => ((string)keys[i]!, Convert.ToString(values[i], System.Globalization.CultureInfo.InvariantCulture)!)).ToArray())];
    }

    private T Number<T>()
        where T : unmanaged, IBinaryInteger<T>
    {
        var width = Unsafe.SizeOf<T>();
        var value = T.ReadLittleEndian(_rest[..width], isUnsigned: !T.IsNegative(T.AllBitsSet));
        _rest = _rest[width..];
        return value;
    }

    private string Text()
    {
        var length = (int)Varint();
        var text = Encoding.UTF8.GetString(_rest[..length]);
        _rest = _rest[length..];
        return text;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var octet = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(octet & 0x7F) << shift;
            if (octet < 0x80)
                return value;
        }
    }
}

/// <summary>One row of a block that was read back.</summary>
internal sealed class NativeRow(Dictionary<string, int> indexes, object?[][] columns, int row)
{
    public object? this[string column] => columns[indexes[column]][row];

    public string Text(string column) => (string)this[column]!;

    public long Int64(string column) => (long)this[column]!;
}
