using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Metering.ClickHouse.Native;

/// <summary>
/// LowCardinality(String), built by hand: a dictionary of this block's distinct values and an index a row. On the
/// wire: <c>UInt64 1</c> (version), <c>UInt64 0x600 | index type</c>, dictionary size, dictionary with <c>""</c>
/// first, row count, indexes of 1, 2 or 4 bytes.
/// </summary>
public sealed class LowCardinalityColumn : NativeColumn
{
    private const ulong Version = 1;

    // Bit 9: the block brings its own keys; bit 10: they replace the dictionary of the block before.
    private const ulong OwnDictionary = 0x600;
    private const int FixedBytes = 4 * sizeof(ulong);
    private const int FirstSlots = 256;

    private readonly StringColumn _dictionary = new("dictionary");
    private Slot[] _slots = new Slot[FirstSlots];
    private int _entryCount;
    private int[] _indexes = new int[64];

    internal LowCardinalityColumn(string name)
        : base(name, "LowCardinality(String)") => Reset();

    /// <summary>Distinct values in the block, the empty one included.</summary>
    public int DistinctCount => _entryCount;

    internal override long DataBytes => Count == 0 ? sizeof(ulong) : FixedBytes + _dictionary.DataBytes + (long)Count * IndexWidth;

    private int IndexWidth => _entryCount <= 1 << 8 ? 1 : _entryCount <= 1 << 16 ? 2 : 4;

    /// <returns>The value's number in the block's dictionary: equal values have equal numbers, and the empty one 0.</returns>
    public int Append(ReadOnlySpan<byte> utf8)
    {
        var at = Count;
        if ((uint)at >= (uint)_indexes.Length)
            Array.Resize(ref _indexes, _indexes.Length * 2);
        var number = Intern(utf8);
        _indexes[at] = number;
        Count = at + 1;
        return number;
    }

    internal override void Reset()
    {
        Count = 0;
        _dictionary.Reset();
        // One block of very many values must not make each later one clear a large table.
        if (_slots.Length > FirstSlots * 16)
            _slots = new Slot[FirstSlots];
        else
            Array.Clear(_slots);
        // The empty value is index 0 and needs no slot.
        _dictionary.Append([]);
        _entryCount = 1;
    }

    /// <summary>The value's dictionary entry stays, without a row that uses it.</summary>
    internal override void DropLast() => Count--;

    /// <summary>Drops all rows from the given one on.</summary>
    internal void CutTo(int count) => Count = count;

    internal override void WritePrefix(IBufferWriter<byte> output) => WriteNumber(output, Version);

    internal override void WriteData(IBufferWriter<byte> output)
    {
        // A map without any pair in the block: the engine writes, and reads, nothing.
        if (Count == 0)
            return;
        var width = IndexWidth;
        WriteNumber(output, OwnDictionary | (uint)BitOperations.Log2((uint)width));
        WriteNumber(output, (ulong)_entryCount);
        _dictionary.WriteData(output);
        WriteNumber(output, (ulong)Count);
        WriteIndexes(output, width);
    }

    private int Intern(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return 0;
        var hash = ShortHash.Of(value);
        var slots = _slots;
        var mask = slots.Length - 1;
        var at = (int)hash & mask;
        for (; slots[at].IndexPlusOne != 0; at = (at + 1) & mask)
        {
            ref readonly var slot = ref slots[at];
            if (slot.Hash == hash && slot.Length == value.Length && value.SequenceEqual(_dictionary.Slice(slot.Start, slot.Length)))
                return slot.IndexPlusOne - 1;
        }
        return Add(value, hash, at);
    }

    private int Add(ReadOnlySpan<byte> value, uint hash, int at)
    {
        var index = _entryCount;
        _dictionary.Append(value);
        _slots[at] = new Slot(hash, index + 1, _dictionary.Used - value.Length, value.Length);
        _entryCount = index + 1;
        // At most half full: a probe ends after one or two steps.
        if (_entryCount * 2 > _slots.Length)
            Rehash();
        return index;
    }

    private void Rehash()
    {
        var larger = new Slot[_slots.Length * 2];
        var mask = larger.Length - 1;
        foreach (var slot in _slots)
        {
            if (slot.IndexPlusOne == 0)
                continue;
            var at = (int)slot.Hash & mask;
            while (larger[at].IndexPlusOne != 0)
                at = (at + 1) & mask;
            larger[at] = slot;
        }
        _slots = larger;
    }

    private void WriteIndexes(IBufferWriter<byte> output, int width)
    {
        const int rowsAtOnce = 4096;
        for (var from = 0; from < Count; from += rowsAtOnce)
        {
            var indexes = _indexes.AsSpan(from, Math.Min(rowsAtOnce, Count - from));
            var bytes = output.GetSpan(indexes.Length * width);
            switch (width)
            {
                case 1:
                    for (var i = 0; i < indexes.Length; i++)
                        bytes[i] = (byte)indexes[i];
                    break;
                case 2:
                    var shorts = MemoryMarshal.Cast<byte, ushort>(bytes[..(indexes.Length * width)]);
                    for (var i = 0; i < indexes.Length; i++)
                        shorts[i] = (ushort)indexes[i];
                    break;
                default:
                    MemoryMarshal.AsBytes(indexes).CopyTo(bytes);
                    break;
            }
            output.Advance(indexes.Length * width);
        }
    }

    private static void WriteNumber(IBufferWriter<byte> output, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    // Start and length: where the value's bytes stand in the dictionary as it goes on the wire.
    private readonly record struct Slot(uint Hash, int IndexPlusOne, int Start, int Length);
}
