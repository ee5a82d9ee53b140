using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>
/// What was judged and told of an epoch as a changelog record: absolute values under its own key (R9), beside the account's.
/// Key: 'l' (<see cref="EpochKey"/>). Value: a version byte, five 8-byte little-endian numbers, the fault.
/// </summary>
public static class EpochLossCodec
{
    public const byte KeyTag = (byte)'l';
    private const byte Version = 1;
    private const int ValueBytes = 1 + (5 * 8) + 1;

    public static void WriteKey(IBufferWriter<byte> output, EpochAccount account) => EpochKey.Write(output, KeyTag, account);

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

    public static bool IsKey(ReadOnlySpan<byte> key) => EpochKey.Is(key, KeyTag);

    /// <summary>The source that a key names, UTF-8.</summary>
    public static ReadOnlySpan<byte> SourceOf(ReadOnlySpan<byte> key) => EpochKey.SourceOf(key, KeyTag);

    public static long EpochOf(ReadOnlySpan<byte> key) => EpochKey.EpochOf(key, KeyTag);

    /// <exception cref="InvalidDataException">The value is not one of ours, or damaged.</exception>
    public static LossState ReadValue(ReadOnlySpan<byte> value)
    {
        if (value.Length != ValueBytes || value[0] != Version || value[41] > (byte)ReportFault.MoreTokens)
            throw new InvalidDataException($"not the losses of an epoch, version {Version}: a value of {value.Length} bytes");
        return new LossState(
            BinaryPrimitives.ReadInt64LittleEndian(value[1..]), BinaryPrimitives.ReadInt64LittleEndian(value[9..]), BinaryPrimitives.ReadInt64LittleEndian(value[17..]),
            BinaryPrimitives.ReadInt64LittleEndian(value[25..]), (ReportFault)value[41], BinaryPrimitives.ReadInt64LittleEndian(value[33..]));
    }
}
