using Metering.Core.Usage;

namespace Metering.Core.Rates;

/// <summary>
/// A scope's usage by units of time (seconds, or minutes), for as many units back as the longest window needs. A scope that is
/// rarely used takes a few cells, a busy one as many as there are units; cells are in the order of time.
/// </summary>
/// <param name="units">How many units are kept, the newest included; at most 128.</param>
public sealed class RateCells(int units)
{
    private Cell[] _cells = new Cell[2];
    private int _first, _count;

    /// <summary>One unit's usage.</summary>
    public struct Cell
    {
        /// <summary>In units since 1970.</summary>
        public uint Time;

        public UsageSums Sums;

        /// <summary>Changed since it was last saved.</summary>
        public bool IsChanged;
    }

    public int Count => _count;

    /// <summary>How many units are kept: a unit's slot is its time modulo this.</summary>
    public int Units => units;

    /// <summary>Which slots were ever used: a bit each.</summary>
    public UInt128 UsedSlots { get; private set; }

    public ref Cell this[int index] => ref _cells[(_first + index) % _cells.Length];

    /// <summary>Adds usage to a unit. False: it is older than all that is kept, and rates have done with it.</summary>
    public bool Add(uint time, in UsageSums sums)
    {
        if (_count > 0 && this[_count - 1].Time is var newest && (long)time + units <= newest)
            return false;
        ref var cell = ref At(time);
        cell.IsChanged = true;
        if (!cell.Sums.TryAdd(sums))
        {
            // 9.2 million USD in one unit: the rest of the figures go on.
            var rest = sums with { CostPicoUsd = 0 };
            cell.Sums.CostPicoUsd = long.MaxValue;
            cell.Sums.TryAdd(rest);
        }
        DropBefore(this[_count - 1].Time);
        return true;
    }

    /// <summary>Puts back a unit that was saved.</summary>
    public void Restore(uint time, in UsageSums sums) => At(time).Sums = sums;

    /// <summary>Drops what is too old at a moment.</summary>
    public void DropBefore(uint now)
    {
        while (_count > 0 && (long)this[0].Time + units <= now)
        {
            this[0] = default;
            _first = (_first + 1) % _cells.Length;
            _count--;
        }
    }

    private ref Cell At(uint time)
    {
        // Usage comes nearly in order: the place is at the end, or a few before it.
        var index = _count;
        while (index > 0 && this[index - 1].Time > time)
            index--;
        if (index > 0 && this[index - 1].Time == time)
            return ref this[index - 1];
        if (_count == _cells.Length)
            Grow();
        UsedSlots |= UInt128.One << (int)(time % units);
        _count++;
        for (var i = _count - 1; i > index; i--)
            this[i] = this[i - 1];
        this[index] = new Cell { Time = time };
        return ref this[index];
    }

    private void Grow()
    {
        var cells = new Cell[_cells.Length * 2];
        for (var i = 0; i < _count; i++)
            cells[i] = this[i];
        (_cells, _first) = (cells, 0);
    }
}
