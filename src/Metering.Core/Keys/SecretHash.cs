using System.Security.Cryptography;
using System.Text;

namespace Metering.Core.Keys;

/// <summary>SHA-256 of a secret: all of it that is stored. Secrets are random and long, so a slow hash would add nothing.</summary>
public readonly record struct SecretHash(UInt128 Upper, UInt128 Lower)
{
    /// <summary>Digits of its hex form.</summary>
    public const int HexLength = 64;

    private const int HalfBytes = 16;

    /// <param name="secret">UTF-8.</param>
    public static SecretHash Of(ReadOnlySpan<byte> secret)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(secret, hash);
        return Read(hash);
    }

    public static SecretHash Of(string secret) => Of(Encoding.UTF8.GetBytes(secret));

    /// <summary>Reads 64 lower-case hex digits.</summary>
    public static bool TryParse(string hex, out SecretHash hash)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        var isHex = hex.Length == HexLength && hex.All(char.IsAsciiHexDigitLower) && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        hash = isHex ? Read(bytes) : default;
        return isHex;
    }

    public string ToHex() => Upper.ToString("x32", null) + Lower.ToString("x32", null);

    /// <summary>A hash is no secret that a log may show either.</summary>
    public override string ToString() => "***";

    private static SecretHash Read(ReadOnlySpan<byte> bytes) => new(
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes), System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes[HalfBytes..]));
}
