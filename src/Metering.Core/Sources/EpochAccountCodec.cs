using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>
/// An account as a changelog record: absolute values under its own key (R9).
/// Key: 'a' (<see cref="EpochKey"/>). Value: a version byte, then fixed 8- and 16-byte little-endian
/// numbers, then the open gaps. 128 bytes without the gaps.
/// </summary>
public static class EpochAccountCodec
{
    public const byte KeyTag = (byte)'a';
    private const byte Version = 1;
    private const int FixedBytes = 1 + (3 * 8) + (7 * 8) + (2 * 16) + 4;

    public static void WriteKey(IBufferWriter<byte> output, EpochAccount account) => EpochKey.Write(output, KeyTag, account);

    public static void WriteValue(IBufferWriter<byte> output, EpochAccount account)
    {
        var gaps = account.Sequences.Gaps;
        var length = FixedBytes + (gaps.Length * 16);
        var rest = output.GetSpan(length);
        rest[0] = Version;
        rest = rest[1..];
        Put(ref rest, account.Sequences.Highest);
        Put(ref rest, account.Sequences.ForgottenUpTo);
        Put(ref rest, account.Sequences.ForgottenMissing);
        Put(ref rest, account.Received);
        Put(ref rest, account.Metered);
        Put(ref rest, account.Rejected);
        Put(ref rest, account.Duplicate);
        Put(ref rest, account.TooOldToTell);
        Put(ref rest, account.Unnumbered);
        Put(ref rest, account.LastArrivalMs);
        Put(ref rest, account.InputTokens);
        Put(ref rest, account.OutputTokens);
        BinaryPrimitives.WriteInt32LittleEndian(rest, gaps.Length);
        rest = rest[4..];
        foreach (var gap in gaps)
        {
            Put(ref rest, gap.First);
            Put(ref rest, gap.Last);
        }
        output.Advance(length);
    }

    /// <summary>The source that a key names, UTF-8.</summary>
    public static ReadOnlySpan<byte> SourceOf(ReadOnlySpan<byte> key) => EpochKey.SourceOf(key, KeyTag);

    public static long EpochOf(ReadOnlySpan<byte> key) => EpochKey.EpochOf(key, KeyTag);

    /// <exception cref="InvalidDataException">The record is not one of ours, or damaged.</exception>
    public static EpochAccount Read(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var account = new EpochAccount(SourceOf(key).ToArray(), EpochOf(key));
        ReadValue(value, account);
        return account;
    }

    /// <summary>Makes <paramref name="account"/>, which is the key's, what the value says.</summary>
    /// <exception cref="InvalidDataException">The value is not one of ours, or damaged.</exception>
    public static void ReadValue(ReadOnlySpan<byte> value, EpochAccount account)
    {
        if (value.Length < FixedBytes || value[0] != Version)
            throw new InvalidDataException($"not an account of version {Version}: a value of {value.Length} bytes");
        var rest = value[1..];
        long highest = TakeInt64(ref rest), forgottenUpTo = TakeInt64(ref rest), forgottenMissing = TakeInt64(ref rest);
        long received = TakeInt64(ref rest), metered = TakeInt64(ref rest), rejected = TakeInt64(ref rest), duplicate = TakeInt64(ref rest);
        long tooOld = TakeInt64(ref rest), unnumbered = TakeInt64(ref rest), lastArrivalMs = TakeInt64(ref rest);
        Int128 inputTokens = TakeInt128(ref rest), outputTokens = TakeInt128(ref rest);
        var gaps = TakeGaps(rest);
        try
        {
            account.Sequences.Restore(highest, forgottenUpTo, forgottenMissing, gaps);
            account.Restore(new EpochCounters(received, metered, rejected, duplicate, tooOld, unnumbered, inputTokens, outputTokens, lastArrivalMs));
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"a damaged account: {e.Message}", e);
        }
    }


    private static SequenceGap[] TakeGaps(ReadOnlySpan<byte> rest)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(rest);
        rest = rest[4..];
        if (count < 0 || rest.Length != count * 16L)
            throw new InvalidDataException($"an account with {count} gaps has {rest.Length} bytes for them");
        if (count == 0)
            return [];
        var gaps = new SequenceGap[count];
        for (var i = 0; i < count; i++)
            gaps[i] = new SequenceGap(TakeInt64(ref rest), TakeInt64(ref rest));
        return gaps;
    }

    private static void Put(ref Span<byte> rest, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(rest, value);
        rest = rest[8..];
    }

    private static void Put(ref Span<byte> rest, Int128 value)
    {
        BinaryPrimitives.WriteInt128LittleEndian(rest, value);
        rest = rest[16..];
    }

    private static long TakeInt64(ref ReadOnlySpan<byte> rest)
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[8..];
        return value;
    }

    private static Int128 TakeInt128(ref ReadOnlySpan<byte> rest)
    {
        var value = BinaryPrimitives.ReadInt128LittleEndian(rest);
        rest = rest[16..];
        return value;
    }
}
