using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Metering.LocalBroker.Log;

/// <summary>
/// The latest offset of each key, for a compaction. Keys are known by 128 bits of their SHA-256: a collision that a producer
/// makes on purpose would lose another's record. Bounded: a log with more keys is compacted in several runs.
/// </summary>
internal sealed class KeyMap
{
    private const int MostSlots = 1 << 20; // 24 MB
    private (UInt128 Key, long Offset)[] _slots = new (UInt128, long)[1 << 10];

    public int Count { get; private set; }

    /// <returns>False when no more keys fit.</returns>
    public bool TrySet(ReadOnlySpan<byte> key, long offset)
    {
        if (Count * 4L >= _slots.Length * 3L && !TryGrow())
            return false;
        var hash = Hash(key);
        ref var slot = ref Find(_slots, hash);
        if (slot.Key == default)
            Count++;
        slot = (hash, offset);
        return true;
    }

    /// <returns>−1 when the key is not there.</returns>
    public long Get(ReadOnlySpan<byte> key)
    {
        var hash = Hash(key);
        ref var slot = ref Find(_slots, hash);
        return slot.Key == hash ? slot.Offset : -1;
    }

    private bool TryGrow()
    {
        if (_slots.Length >= MostSlots)
            return false;
        var grown = new (UInt128, long)[_slots.Length * 4];
        foreach (var slot in _slots)
        {
            if (slot.Key != default)
                Find(grown, slot.Key) = slot;
        }
        _slots = grown;
        return true;
    }

    /// <summary>The key's slot, or the free one where it goes.</summary>
    private static ref (UInt128 Key, long Offset) Find((UInt128 Key, long Offset)[] slots, UInt128 hash)
    {
        var at = (int)(((ulong)hash >> 1) & (ulong)(slots.Length - 1));
        while (slots[at].Key != default && slots[at].Key != hash)
            at = (at + 1) & (slots.Length - 1);
        return ref slots[at];
    }

    private static UInt128 Hash(ReadOnlySpan<byte> key)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, digest);
        return BinaryPrimitives.ReadUInt128LittleEndian(digest) | 1; // 0 means a free slot
    }
}
