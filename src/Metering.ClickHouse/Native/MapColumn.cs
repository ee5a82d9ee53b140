using System.Buffers;

namespace Metering.ClickHouse.Native;

/// <summary>
/// Map(LowCardinality(String), String): a row's pairs by <see cref="Add"/>, then <see cref="Append"/> ends its map.
/// On the wire an array of pairs: the end of each row's pairs, all keys, all values.
/// </summary>
public sealed class MapColumn : NativeColumn
{
    private readonly FixedColumn<ulong> _ends = new("ends", "UInt64");
    private readonly LowCardinalityColumn _keys;
    private readonly StringColumn _values;
    private Mark _rowStart;
    private Mark _lastRowStart;

    internal MapColumn(string name)
        : base(name, "Map(LowCardinality(String), String)")
    {
        _keys = new LowCardinalityColumn(name);
        _values = new StringColumn(name);
    }

    // The keys' bytes include their version, which comes before the ends.
    internal override long DataBytes => _ends.DataBytes + _keys.DataBytes + _values.DataBytes;

    /// <summary>A pair of the row under way. ClickHouse keeps equal keys twice and finds the first.</summary>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _keys.Append(key);
        _values.Append(value);
    }

    /// <summary>Ends the row's map.</summary>
    public void Append()
    {
        _ends.Append((ulong)_keys.Count);
        _lastRowStart = _rowStart;
        _rowStart = new Mark(_keys.Count, _values.Used);
        Count++;
    }

    internal override void Reset()
    {
        Count = 0;
        _rowStart = default;
        _lastRowStart = default;
        _ends.Reset();
        _keys.Reset();
        _values.Reset();
    }

    internal override void DropLast()
    {
        Count--;
        _ends.DropLast();
        _rowStart = _lastRowStart;
        DropOpenPairs();
    }

    /// <summary>Drops pairs whose row was not ended.</summary>
    internal void DropOpenPairs()
    {
        _keys.CutTo(_rowStart.Pairs);
        _values.CutTo(_rowStart.Pairs, _rowStart.ValueBytes);
    }

    /// <summary>True when pairs stand that belong to no row.</summary>
    internal bool HasOpenPairs => _keys.Count != _rowStart.Pairs;

    internal override void WritePrefix(IBufferWriter<byte> output) => _keys.WritePrefix(output);

    internal override void WriteData(IBufferWriter<byte> output)
    {
        _ends.WriteData(output);
        _keys.WriteData(output);
        _values.WriteData(output);
    }

    private readonly record struct Mark(int Pairs, int ValueBytes);
}
