using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Metering.ClickHouse.Http;

/// <summary>
/// CityHash128 in version 1.0.2, the checksum of ClickHouse's compressed frames. Source of the algorithm: Google's
/// CityHash (G. Pike, J. Alakuijala), which later versions changed and ClickHouse did not follow. The tests hold it
/// against the checksums in the files that the engine itself writes.
/// </summary>
internal static class CityHash128
{
    private const ulong K0 = 0xc3a5c85c97cb3127, K1 = 0xb492b66fbe98f273, K2 = 0x9ae16a3b2f90404f, K3 = 0xc949d7c7509e6557;
    private const ulong Mul = 0x9ddfea08eb382d69;

    public static UInt128 Hash(ReadOnlySpan<byte> s)
    {
        if (s.Length >= 16)
            return WithSeed(s[16..], Fetch(s, 0) ^ K3, Fetch(s, 8));
        return s.Length >= 8
            ? WithSeed([], Fetch(s, 0) ^ ((ulong)s.Length * K0), Fetch(s, s.Length - 8) ^ K1)
            : WithSeed(s, K0, K1);
    }

    private static UInt128 WithSeed(ReadOnlySpan<byte> s, ulong low, ulong high)
    {
        if (s.Length < 128)
            return Murmur(s, low, high);
        ulong x = low, y = high, z = (ulong)s.Length * K1;
        var v1 = (Rotate(y ^ K1, 49) * K1) + Fetch(s, 0);
        var v2 = (Rotate(v1, 42) * K1) + Fetch(s, 8);
        var w1 = (Rotate(y + z, 35) * K1) + x;
        var w2 = Rotate(x + Fetch(s, 88), 53) * K1;
        do
        {
            Round(s, ref x, ref y, ref z, ref v1, ref v2, ref w1, ref w2);
            Round(s[64..], ref x, ref y, ref z, ref v1, ref v2, ref w1, ref w2);
            s = s[128..];
        }
        while (s.Length >= 128);
        return Finish(s, x, y, z, v1, v2, w1, w2);
    }

    private static void Round(ReadOnlySpan<byte> s, ref ulong x, ref ulong y, ref ulong z, ref ulong v1, ref ulong v2, ref ulong w1, ref ulong w2)
    {
        x = Rotate(x + y + v1 + Fetch(s, 16), 37) * K1;
        y = Rotate(y + v2 + Fetch(s, 48), 42) * K1;
        x ^= w2;
        y ^= v1;
        z = Rotate(z ^ w1, 33);
        (v1, v2) = Weak(s, v2 * K1, x + w1);
        (w1, w2) = Weak(s[32..], z + w2, y);
        (z, x) = (x, z);
    }

    /// <summary>The tail is read in steps of 32 bytes from the end, which may reach back into what was hashed already:
    /// so the caller's span is widened here by what stands before it.</summary>
    private static UInt128 Finish(ReadOnlySpan<byte> tail, ulong x, ulong y, ulong z, ulong v1, ulong v2, ulong w1, ulong w2)
    {
        y += (Rotate(w1, 37) * K0) + z;
        x += Rotate(v1 + z, 49) * K0;
        for (var done = 32; done - 32 < tail.Length; done += 32)
        {
            var at = Before(tail, done);
            y = (Rotate(y - x, 42) * K0) + v2;
            w1 += Fetch(at, 16);
            x = (Rotate(x, 49) * K0) + w1;
            w1 += v1;
            (v1, v2) = Weak(at, v1, v2);
        }
        x = Mix(x, v1);
        y = Mix(y, w1);
        return new UInt128(Mix(x + w2, y + v2), Mix(x + v2, w2) + y);
    }

    /// <summary>32 bytes that begin <paramref name="done"/> bytes before the end of <paramref name="tail"/>.</summary>
    private static ReadOnlySpan<byte> Before(ReadOnlySpan<byte> tail, int done) =>
        // At least 128 bytes of the same buffer precede the tail, and done exceeds its length by less than 32.
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref MemoryMarshal.GetReference(tail), tail.Length - done), 32);

    private static UInt128 Murmur(ReadOnlySpan<byte> s, ulong a, ulong b)
    {
        ulong c, d, length = (ulong)s.Length;
        if (s.Length <= 16)
        {
            a = ShiftMix(a * K1) * K1;
            c = (b * K1) + Short(s);
            d = ShiftMix(a + (s.Length >= 8 ? Fetch(s, 0) : c));
        }
        else
        {
            c = Mix(Fetch(s, s.Length - 8) + K1, a);
            d = Mix(b + length, c + Fetch(s, s.Length - 16));
            a += d;
            for (var at = 0; at < s.Length - 16; at += 16)
            {
                a = (a ^ (ShiftMix(Fetch(s, at) * K1) * K1)) * K1;
                b ^= a;
                c = (c ^ (ShiftMix(Fetch(s, at + 8) * K1) * K1)) * K1;
                d ^= c;
            }
        }
        a = Mix(a, c);
        b = Mix(d, b);
        return new UInt128(Mix(b, a), a ^ b);
    }

    private static ulong Short(ReadOnlySpan<byte> s)
    {
        var length = (ulong)s.Length;
        if (s.Length > 8)
        {
            var b = Fetch(s, s.Length - 8);
            return Mix(Fetch(s, 0), BitOperations.RotateRight(b + length, s.Length)) ^ b;
        }
        if (s.Length >= 4)
            return Mix(length + ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(s) << 3), BinaryPrimitives.ReadUInt32LittleEndian(s[(s.Length - 4)..]));
        if (s.IsEmpty)
            return K2;
        var y = s[0] + ((uint)s[s.Length >> 1] << 8);
        var z = (uint)s.Length + ((uint)s[^1] << 2);
        return ShiftMix((y * K2) ^ (z * K3)) * K2;
    }

    private static (ulong First, ulong Second) Weak(ReadOnlySpan<byte> s, ulong a, ulong b)
    {
        a += Fetch(s, 0);
        b = Rotate(b + a + Fetch(s, 24), 21);
        var c = a;
        a += Fetch(s, 8) + Fetch(s, 16);
        b += Rotate(a, 44);
        return (a + Fetch(s, 24), b + c);
    }

    private static ulong Mix(ulong u, ulong v)
    {
        var a = (u ^ v) * Mul;
        a ^= a >> 47;
        var b = (v ^ a) * Mul;
        b ^= b >> 47;
        return b * Mul;
    }

    private static ulong ShiftMix(ulong value) => value ^ (value >> 47);

    private static ulong Rotate(ulong value, int shift) => BitOperations.RotateRight(value, shift);

    private static ulong Fetch(ReadOnlySpan<byte> s, int at) => BinaryPrimitives.ReadUInt64LittleEndian(s[at..]);
}
