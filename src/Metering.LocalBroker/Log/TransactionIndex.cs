using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Log;

/// <summary>A log's undecided transactions, which hold its stable offset back, and its aborted ones, which a read_committed
/// fetch names. Under the gate.</summary>
internal sealed class TransactionIndex
{
    // In order of their first offsets.
    private readonly List<(long First, long ProducerId)> _open = [];

    // In order of their last offsets, the markers'.
    private readonly List<(long First, long Last, long ProducerId)> _aborted = [];

    public int Open => _open.Count;

    /// <summary>The first offset that is not decided; null when all are.</summary>
    public long? FirstOpen => _open.Count > 0 ? _open[0].First : null;

    public void Begin(long producerId, long first) => _open.Add((first, producerId));

    public void End(long producerId, long first, long marker, bool commit)
    {
        _open.Remove((first, producerId));
        if (!commit)
            _aborted.Add((first, marker, producerId));
    }

    /// <summary>Whether a producer's record was aborted, of a decided transaction.</summary>
    public bool IsAborted(long producerId, long offset)
    {
        for (var i = FirstEndingAt(offset); i < _aborted.Count; i++)
        {
            if (_aborted[i].ProducerId == producerId && _aborted[i].First <= offset)
                return true;
        }
        return false;
    }

    /// <summary>Those that have records in a range; the end is exclusive.</summary>
    public IReadOnlyList<AbortedTransaction> Overlapping(long from, long to)
    {
        List<AbortedTransaction>? found = null;
        for (var i = FirstEndingAt(from); i < _aborted.Count; i++)
        {
            if (_aborted[i].First < to)
                (found ??= []).Add(new(_aborted[i].ProducerId, _aborted[i].First));
        }
        return found ?? (IReadOnlyList<AbortedTransaction>)[];
    }

    /// <summary>Nothing of them is left below this offset.</summary>
    public void Forget(long below) => _aborted.RemoveRange(0, FirstEndingAt(below));

    public TransactionIndex Copy()
    {
        TransactionIndex copy = new();
        copy._aborted.AddRange(_aborted);
        return copy;
    }

    public void Save(EntryWriter to)
    {
        to.Int32(_open.Count);
        foreach (var (first, producerId) in _open)
            to.Int64(first).Int64(producerId);
        to.Int32(_aborted.Count);
        foreach (var (first, last, producerId) in _aborted)
            to.Int64(first).Int64(last).Int64(producerId);
    }

    public void Load(ref EntryReader from)
    {
        for (var count = from.Int32(); count > 0; count--)
            _open.Add((from.Int64(), from.Int64()));
        for (var count = from.Int32(); count > 0; count--)
            _aborted.Add((from.Int64(), from.Int64(), from.Int64()));
    }

    private int FirstEndingAt(long offset)
    {
        var (low, high) = (0, _aborted.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_aborted[middle].Last < offset)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return low;
    }
}
