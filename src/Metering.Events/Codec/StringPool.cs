using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace Metering.Events;

/// <summary>
/// Strings by their UTF-8 bytes: one that was seen before costs a hash and a compare, no allocation and no validation,
/// for only valid UTF-8 gets in. Bounded: when a generation is full the next begins, and what is still in use moves
/// over from the last one without a new string. For one thread.
/// </summary>
public sealed class StringPool
{
    /// <summary>Longer strings are not kept; they are rarely repeated and would crowd out the others.</summary>
    public const int MaxPooledBytes = 256;

    private const int MaxProbes = 64;

    // Secret per process, so that nobody can choose strings that collide.
    private static readonly ulong Seed0 = RandomSeed();
    private static readonly ulong Seed1 = RandomSeed();

    private readonly int _maxStrings;
    private Generation _current;
    private Generation _previous;

    /// <param name="maxStrings">Strings of a generation, 16 to 16,777,216; two generations are held at most.</param>
    public StringPool(int maxStrings = 65_536)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxStrings, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxStrings, 1 << 24);
        _maxStrings = maxStrings;
        _current = new Generation(Math.Min(maxStrings, 1024));
        _previous = new Generation(0);
    }

    /// <summary>Strings of the current generation.</summary>
    public int Count => _current.Count;

    /// <summary>Generations that have begun after the first.</summary>
    public long Generations { get; private set; }

    /// <summary>The string with these bytes, or null if they are not UTF-8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public string? Intern(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
            return "";
        ref var start = ref MemoryMarshal.GetReference(utf8);
        LoadEnds(ref start, utf8.Length, out var head, out var tail);
        var hash = Hash(ref start, utf8.Length, head, tail);
        ref var slot = ref _current.First(hash);
        if (slot.Head == head && slot.Tail == tail && slot.Length == utf8.Length && (utf8.Length <= 16 || _current.MiddleEquals(slot.Offset, utf8)))
            return slot.Value;
        return Find(utf8, hash, head, tail);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private string? Find(ReadOnlySpan<byte> utf8, ulong hash, ulong head, ulong tail) =>
        _current.Find(utf8, hash, head, tail) ?? Add(utf8, hash, head, tail);

    private string? Add(ReadOnlySpan<byte> utf8, ulong hash, ulong head, ulong tail)
    {
        if (utf8.Length > MaxPooledBytes)
            return Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : null;
        var value = _previous.Find(utf8, hash, head, tail);
        if (value is null)
        {
            if (!Utf8Check.IsValid(utf8))
                return null;
            value = Encoding.UTF8.GetString(utf8);
        }
        if (_current.TryAdd(utf8, hash, head, tail, value, _maxStrings))
            return value;
        // The generation before is dropped whole; its arrays serve the one that begins.
        (_previous, _current) = (_current, _previous);
        _current.Clear();
        Generations++;
        _current.TryAdd(utf8, hash, head, tail, value, _maxStrings);
        return value;
    }

    /// <summary>The first and last eight bytes, overlapping; with the length they are the whole of up to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadEnds(ref byte start, int length, out ulong head, out ulong tail)
    {
        if (length >= 8)
        {
            head = Unsafe.ReadUnaligned<ulong>(ref start);
            tail = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, length - 8));
        }
        else if (length >= 4)
        {
            head = Unsafe.ReadUnaligned<uint>(ref start);
            tail = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, length - 4));
        }
        else
        {
            head = start | ((ulong)Unsafe.Add(ref start, length >> 1) << 8) | ((ulong)Unsafe.Add(ref start, length - 1) << 16);
            tail = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Hash(ref byte start, int length, ulong head, ulong tail)
    {
        var hash = Mix(head ^ Seed0, tail ^ Seed1 ^ (ulong)length);
        for (var at = 8; at < length - 8; at += 16)
        {
            // The last load may overlap the tail: never beyond the string, for it is longer than 16.
            var from = Math.Min(at, length - 16);
            hash = Mix(
                hash ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, from)),
                Seed1 ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, from + 8)));
        }
        return hash;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }

    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return MemoryMarshal.Read<ulong>(bytes) | 1;
    }

    private struct Slot
    {
        public ulong Head;
        public ulong Tail;
        public string? Value;
        public int Length;
        public int Offset;
    }

    /// <summary>An open-addressing table, at most half full, and the bytes of its longer strings.</summary>
    private sealed class Generation
    {
        private Slot[] _slots;
        private ulong[] _hashes;
        private byte[] _bytes = [];
        private int _bytesUsed;
        private int _mask;

        public Generation(int strings)
        {
            var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(strings, 1) * 2);
            _slots = new Slot[size];
            _hashes = new ulong[size];
            _mask = size - 1;
        }

        public int Count { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref Slot First(ulong hash) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), (nint)((int)hash & _mask));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool MiddleEquals(int offset, ReadOnlySpan<byte> utf8) =>
            utf8.SequenceEqual(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_bytes), offset), utf8.Length));

        public string? Find(ReadOnlySpan<byte> utf8, ulong hash, ulong head, ulong tail)
        {
            for (var probe = 0; probe < MaxProbes; probe++)
            {
                ref var slot = ref _slots[((int)hash + probe) & _mask];
                if (slot.Value is null)
                    return null;
                if (slot.Head == head && slot.Tail == tail && slot.Length == utf8.Length && (utf8.Length <= 16 || MiddleEquals(slot.Offset, utf8)))
                    return slot.Value;
            }
            return null;
        }

        /// <summary>False if the generation holds all it may.</summary>
        public bool TryAdd(ReadOnlySpan<byte> utf8, ulong hash, ulong head, ulong tail, string value, int maxStrings)
        {
            if (Count >= maxStrings)
                return false;
            if ((Count + 1) * 2 > _slots.Length)
                Grow();
            var at = (int)hash & _mask;
            for (var probe = 0; _slots[at].Value is not null; at = (at + 1) & _mask)
            {
                if (++probe == MaxProbes)
                    return false;
            }
            _slots[at] = new Slot { Head = head, Tail = tail, Value = value, Length = utf8.Length, Offset = utf8.Length <= 16 ? 0 : Keep(utf8) };
            _hashes[at] = hash;
            Count++;
            return true;
        }

        public void Clear()
        {
            Array.Clear(_slots);
            Count = 0;
            _bytesUsed = 0;
        }

        private int Keep(ReadOnlySpan<byte> utf8)
        {
            if (_bytes.Length - _bytesUsed < utf8.Length)
                Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, 16 * 1024));
            utf8.CopyTo(_bytes.AsSpan(_bytesUsed));
            _bytesUsed += utf8.Length;
            return _bytesUsed - utf8.Length;
        }

        private void Grow()
        {
            var (slots, hashes) = (_slots, _hashes);
            _slots = new Slot[slots.Length * 2];
            _hashes = new ulong[slots.Length * 2];
            _mask = _slots.Length - 1;
            for (var i = 0; i < slots.Length; i++)
            {
                if (slots[i].Value is null)
                    continue;
                var at = (int)hashes[i] & _mask;
                while (_slots[at].Value is not null)
                    at = (at + 1) & _mask;
                _slots[at] = slots[i];
                _hashes[at] = hashes[i];
            }
        }
    }
}
