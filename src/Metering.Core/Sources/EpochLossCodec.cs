using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>
/// What was judged and told of an epoch as a changelog record: absolute values under its own key (R9), beside the account's.
/// Key: 'l', epoch as 8 bytes big-endian, source. Value: a version byte, five 8-byte little-endian numbers, the fault.
/// </summary>
public static class EpochLossCodec
{
    public const byte KeyTag = (byte)'l';
    private const byte Version = 1;
    private const int ValueBytes = 1 + (5 * 8) + 1;

    public static void WriteKey(IBufferWriter<byte> output, EpochAccount account)
    {
        var length = 9 + account.Source.Length;
        var span = output.GetSpan(length);
        span[0] = KeyTag;
        BinaryPrimitives.WriteInt64BigEndian(span[1..], account.Epoch);
        account.Source.CopyTo(span[9..]);
        output.Advance(length);
    }

    public static void WriteValue(IBufferWriter<byte> output, in LossState state)
    {
        var span = output.GetSpan(ValueBytes);
        span[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(span[1..], state.JudgedUpTo);
        BinaryPrimitives.WriteInt64LittleEndian(span[9..], state.CheckAtMs);
        BinaryPrimitives.WriteInt64LittleEndian(span[17..], state.CheckSeen);
        BinaryPrimitives.WriteInt64LittleEndian(span[25..], state.ToldLost);
        BinaryPrimitives.WriteInt64LittleEndian(span[33..], state.ToldBehind);
        span[41] = (byte)state.ToldFault;
        output.Advance(ValueBytes);
    }

    public static bool IsKey(ReadOnlySpan<byte> key) => key.Length >= 9 && key[0] == KeyTag;

    /// <summary>The source that a key names, UTF-8.</summary>
    public static ReadOnlySpan<byte> SourceOf(ReadOnlySpan<byte> key) => IsKey(key) ? key[9..] : throw NotAKey(key);

    public static long EpochOf(ReadOnlySpan<byte> key) => IsKey(key) ? BinaryPrimitives.ReadInt64BigEndian(key[1..]) : throw NotAKey(key);

    /// <exception cref="InvalidDataException">The value is not one of ours, or damaged.</exception>
    public static LossState ReadValue(ReadOnlySpan<byte> value)
    {
        if (value.Length != ValueBytes || value[0] != Version || value[41] > (byte)ReportFault.MoreTokens)
            throw new InvalidDataException($"not the losses of an epoch, version {Version}: a value of {value.Length} bytes");
        return new LossState(
            BinaryPrimitives.ReadInt64LittleEndian(value[1..]), BinaryPrimitives.ReadInt64LittleEndian(value[9..]), BinaryPrimitives.ReadInt64LittleEndian(value[17..]),
            BinaryPrimitives.ReadInt64LittleEndian(value[25..]), (ReportFault)value[41], BinaryPrimitives.ReadInt64LittleEndian(value[33..]));
    }

    private static InvalidDataException NotAKey(ReadOnlySpan<byte> key) => new($"not the key of an epoch's losses: {key.Length} bytes");
}
