using System.Buffers;

namespace Metering.ClickHouse.Native;

/// <summary>
/// Map(LowCardinality(String), …): a row's pairs by Add, then <see cref="Append"/> ends its map.
/// On the wire an array of pairs: the end of each row's pairs, all keys, all values.
/// </summary>
public abstract class MapColumn : NativeColumn
{
    private readonly FixedColumn<ulong> _ends = new("ends", "UInt64");
    private readonly LowCardinalityColumn _keys;
    private readonly NativeColumn _values;
    private Mark _rowStart;
    private Mark _lastRowStart;

    private protected MapColumn(string name, NativeColumn values)
        : base(name, $"Map(LowCardinality(String), {values.Type})")
    {
        _keys = new LowCardinalityColumn(name);
        _values = values;
    }

    // The keys' bytes include their version, which comes before the ends.
    internal override long DataBytes => _ends.DataBytes + _keys.DataBytes + _values.DataBytes;

    /// <summary>Bytes that the values take so far, where that is not told by their count.</summary>
    private protected virtual int ValueBytes => 0;

    /// <summary>Ends the row's map.</summary>
    public void Append()
    {
        _ends.Append((ulong)_keys.Count);
        _lastRowStart = _rowStart;
        _rowStart = new Mark(_keys.Count, ValueBytes);
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
        CutValues(_rowStart.Pairs, _rowStart.ValueBytes);
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

    private protected void AddKey(ReadOnlySpan<byte> key) => _keys.Append(key);

    private protected abstract void CutValues(int count, int bytes);

    private readonly record struct Mark(int Pairs, int ValueBytes);
}

/// <summary>Map(LowCardinality(String), String).</summary>
public sealed class TextMapColumn : MapColumn
{
    private readonly StringColumn _values;

    internal TextMapColumn(string name)
        : this(name, new StringColumn(name))
    {
    }

    private TextMapColumn(string name, StringColumn values)
        : base(name, values) => _values = values;

    /// <summary>A pair of the row under way. ClickHouse keeps equal keys twice and finds the first.</summary>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        AddKey(key);
        _values.Append(value);
    }

    private protected override int ValueBytes => _values.Used;

    private protected override void CutValues(int count, int bytes) => _values.CutTo(count, bytes);
}

/// <summary>Map(LowCardinality(String), Int64).</summary>
public sealed class NumberMapColumn : MapColumn
{
    private readonly FixedColumn<long> _values;

    internal NumberMapColumn(string name)
        : this(name, new FixedColumn<long>(name, "Int64"))
    {
    }

    private NumberMapColumn(string name, FixedColumn<long> values)
        : base(name, values) => _values = values;

    /// <summary>A pair of the row under way. ClickHouse keeps equal keys twice and finds the first.</summary>
    public void Add(ReadOnlySpan<byte> key, long value)
    {
        AddKey(key);
        _values.Append(value);
    }

    private protected override void CutValues(int count, int bytes) => _values.CutTo(count);
}
