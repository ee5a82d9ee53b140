using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Unicode;

namespace Metering.Events;

/// <summary>
/// Is this UTF-8? Nearly all strings of events are short ASCII, for which the answer is two overlapping loads;
/// the rest goes to the library's vectorised check.
/// </summary>
internal static class Utf8Check
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        ref var start = ref MemoryMarshal.GetReference(text);
        var length = text.Length;
        if ((uint)(length - 8) <= 8)
        {
            var both = Unsafe.ReadUnaligned<ulong>(ref start) | Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, length - 8));
            return (both & 0x8080808080808080) == 0 || Utf8.IsValid(text);
        }
        return IsValidOther(ref start, length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsValidOther(ref byte start, int length)
    {
        if (length < 8)
        {
            uint both = 0;
            if (length >= 4)
                both = Unsafe.ReadUnaligned<uint>(ref start) | Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, length - 4));
            else if (length > 0)
                both = start | (uint)Unsafe.Add(ref start, length >> 1) | Unsafe.Add(ref start, length - 1);
            if ((both & 0x80808080) == 0)
                return true;
        }
        else if (length <= 32)
        {
            var both = Vector128.LoadUnsafe(ref start) | Vector128.LoadUnsafe(ref Unsafe.Add(ref start, length - 16));
            if (both.ExtractMostSignificantBits() == 0)
                return true;
        }
        else if (length <= 64 && Vector256.IsHardwareAccelerated)
        {
            var both = Vector256.LoadUnsafe(ref start) | Vector256.LoadUnsafe(ref Unsafe.Add(ref start, length - 32));
            if (both.ExtractMostSignificantBits() == 0)
                return true;
        }
        return Utf8.IsValid(MemoryMarshal.CreateReadOnlySpan(ref start, length));
    }
}
