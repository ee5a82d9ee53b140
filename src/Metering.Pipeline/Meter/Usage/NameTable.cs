using Metering.Core;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>Numbers for names, the same for one name as long as the table is not cleared; 0 is the empty name.</summary>
internal sealed class NameTable
{
    // An array's head, its places in the list and in the dictionary.
    private const int BytesPerName = 64;

    private readonly Dictionary<byte[], int> _numbers = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly List<byte[]> _names = [[]];

    public NameTable() => _lookup = _numbers.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>What the names take, in bytes.</summary>
    public long Bytes { get; private set; }

    public ReadOnlySpan<byte> this[int number] => _names[number];

    public int NumberOf(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
            return 0;
        if (_lookup.TryGetValue(name, out var number))
            return number;
        number = _names.Count;
        var copy = name.ToArray();
        _names.Add(copy);
        _numbers.Add(copy, number);
        Bytes += copy.Length + BytesPerName;
        return number;
    }

    public void Clear()
    {
        Bytes = 0;
        _numbers.Clear();
        _names.RemoveRange(1, _names.Count - 1);
    }
}

/// <summary>From a name's number in one block's dictionary to its number in the table: a name is looked up once a block.</summary>
internal sealed class BlockNumbers(NameTable names)
{
    private int[] _numbers = new int[64];

    public int Of(int blockNumber, ReadOnlySpan<byte> name)
    {
        if (blockNumber < _numbers.Length && _numbers[blockNumber] is not 0 and var known)
            return known;
        return blockNumber == 0 ? 0 : Find(blockNumber, name);
    }

    /// <summary>The block's dictionary begins anew.</summary>
    public void Clear() => Array.Clear(_numbers);

    private int Find(int blockNumber, ReadOnlySpan<byte> name)
    {
        if (blockNumber >= _numbers.Length)
            Array.Resize(ref _numbers, 2 * blockNumber);
        return _numbers[blockNumber] = names.NumberOf(name);
    }
}
