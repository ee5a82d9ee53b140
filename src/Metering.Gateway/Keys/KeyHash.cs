using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Gateway.Keys;

/// <summary>SHA-256 of an API key's secret: what is stored and compared; the secret itself is never kept.</summary>
public readonly struct KeyHash : IEquatable<KeyHash>
{
    /// <summary>A secret that is longer is no key.</summary>
    public const int MaxSecretChars = 512;

    private readonly Hash32 _hash;

    /// <param name="hash">32 bytes.</param>
    public KeyHash(ReadOnlySpan<byte> hash)
    {
        if (hash.Length != SHA256.HashSizeInBytes)
            throw new ArgumentException($"a hash of {hash.Length} bytes; SHA-256 has {SHA256.HashSizeInBytes}", nameof(hash));
        hash.CopyTo(_hash);
    }

    /// <summary>Of the secret's UTF-8 bytes.</summary>
    [SkipLocalsInit]
    public static KeyHash Of(ReadOnlySpan<char> secret)
    {
        if (secret.Length > MaxSecretChars)
            throw new ArgumentException($"a secret of {secret.Length} characters; at most {MaxSecretChars}", nameof(secret));
        Span<byte> utf8 = stackalloc byte[MaxSecretChars * 3];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.UTF8.GetBytes(secret, utf8)], hash);
        return new KeyHash(hash);
    }

    /// <summary>In constant time.</summary>
    public bool Equals(KeyHash other) => CryptographicOperations.FixedTimeEquals(_hash, other._hash);

    public override bool Equals(object? obj) => obj is KeyHash other && Equals(other);

    /// <summary>Its first bytes: they are as random as any.</summary>
    public override int GetHashCode() => BitConverter.ToInt32(((ReadOnlySpan<byte>)_hash)[..4]);

    /// <summary>Lower-case hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(_hash);

    [InlineArray(SHA256.HashSizeInBytes)]
    private struct Hash32
    {
        private byte _first;
    }
}
