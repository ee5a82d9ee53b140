using Metering.Core.Usage;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>Sums by key: open addressing over a dense array of cells. No garbage once it has grown.</summary>
internal sealed class UsageCells
{
    private const int FirstCells = 64;

    /// <summary>A table that has grown beyond is given back after an interval that used little of it.</summary>
    private const int AlwaysKept = 1 << 10;

    private UsageCell[] _cells = new UsageCell[FirstCells];

    // A cell's index + 1; at most half full.
    private int[] _slots = new int[FirstCells * 2];

    public int Count { get; private set; }

    public ReadOnlySpan<UsageCell> All => _cells.AsSpan(0, Count);

    public void Add(UsageKey key, in UsageSums sums)
    {
        var mask = _slots.Length - 1;
        var at = (int)key.Hash() & mask;
        for (; _slots[at] != 0; at = (at + 1) & mask)
        {
            ref var cell = ref _cells[_slots[at] - 1];
            if (cell.Key != key)
                continue;
            if (cell.Sums.TryAdd(sums))
                return;
            break; // its cost is full: another cell of the key takes its place in the table
        }
        if (Count == _cells.Length)
        {
            Grow();
            Add(key, sums);
            return;
        }
        _cells[Count++] = new UsageCell(key, sums);
        _slots[at] = Count;
    }

    public void Clear()
    {
        // One interval of very many cells must not make each later one clear a large table.
        if (_cells.Length > AlwaysKept && Count < _cells.Length / 16)
            (_cells, _slots) = (new UsageCell[FirstCells], new int[FirstCells * 2]);
        else
            Array.Clear(_slots);
        Count = 0;
    }

    private void Grow()
    {
        Array.Resize(ref _cells, _cells.Length * 2);
        _slots = new int[_cells.Length * 2];
        var mask = _slots.Length - 1;
        for (var i = 0; i < Count; i++)
        {
            var at = (int)_cells[i].Key.Hash() & mask;
            // The newest cell of a key is the one with room.
            while (_slots[at] != 0 && _cells[_slots[at] - 1].Key != _cells[i].Key)
                at = (at + 1) & mask;
            _slots[at] = i + 1;
        }
    }
}
