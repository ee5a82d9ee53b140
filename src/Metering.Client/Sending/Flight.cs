using Metering.Client.Spool;

namespace Metering.Client.Sending;

/// <summary>
/// What one transport has in its hands, in order: a ring of the window's size. The sender's thread adds and settles;
/// the transport's threads mark. A transport that was given up marks a ring that nobody looks at any more.
/// </summary>
internal sealed class Flight(int window) : IDeliverySink
{
    private readonly Entry[] _entries = new Entry[window];
    private readonly bool[] _done = new bool[window];
    private long _first;
    private long _next;
    private string? _failure;

    public int Count => (int)(_next - _first);

    public bool IsFull => Count == _entries.Length;

    /// <summary>The slot that the next event gets.</summary>
    public int NextSlot => (int)(_next % _entries.Length);

    /// <summary>Why this flight will not land, or null.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    public void Add(in Entry entry, bool done = false)
    {
        _entries[NextSlot] = entry;
        if (done)
            Volatile.Write(ref _done[NextSlot], true);
        _next++;
    }

    /// <summary>Takes the oldest entry if it has landed.</summary>
    public bool TryTakeLanded(out Entry entry)
    {
        entry = default;
        if (Count == 0)
            return false;
        var slot = (int)(_first % _entries.Length);
        if (!Volatile.Read(ref _done[slot]))
            return false;
        entry = _entries[slot];
        _done[slot] = false;
        _first++;
        return true;
    }

    void IDeliverySink.Delivered(int slot) => Volatile.Write(ref _done[slot], true);

    void IDeliverySink.Failed(string reason) => Interlocked.CompareExchange(ref _failure, reason, null);

    /// <param name="After">Behind it, in the spool.</param>
    /// <param name="Events">1, and those before it that the spool has lost.</param>
    internal readonly record struct Entry(SpoolPosition After, long Events, bool Expired);
}
