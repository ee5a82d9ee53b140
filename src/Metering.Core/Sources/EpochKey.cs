using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>The changelog's key of what belongs to one epoch: a tag that says what, the epoch as 8 bytes big-endian, the source.</summary>
internal static class EpochKey
{
    private const int SourceAt = 9;

    public static void Write(IBufferWriter<byte> output, byte tag, EpochAccount account)
    {
        var length = SourceAt + account.Source.Length;
        var span = output.GetSpan(length);
        span[0] = tag;
        BinaryPrimitives.WriteInt64BigEndian(span[1..], account.Epoch);
        account.Source.CopyTo(span[SourceAt..]);
        output.Advance(length);
    }

    public static bool Is(ReadOnlySpan<byte> key, byte tag) => key.Length >= SourceAt && key[0] == tag;

    /// <summary>UTF-8.</summary>
    /// <exception cref="InvalidDataException">The key has another tag, or is cut.</exception>
    public static ReadOnlySpan<byte> SourceOf(ReadOnlySpan<byte> key, byte tag) => Checked(key, tag)[SourceAt..];

    /// <inheritdoc cref="SourceOf"/>
    public static long EpochOf(ReadOnlySpan<byte> key, byte tag) => BinaryPrimitives.ReadInt64BigEndian(Checked(key, tag)[1..]);

    private static ReadOnlySpan<byte> Checked(ReadOnlySpan<byte> key, byte tag) => Is(key, tag)
        ? key
        : throw new InvalidDataException($"not an epoch's key of kind '{(char)tag}': {key.Length} bytes");
}
