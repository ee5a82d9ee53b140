using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Core.Pricing;

/// <summary>The name of a price entry by its content: what a row keeps to tell which price it used.</summary>
public static class PriceVersion
{
    /// <summary>
    /// The first 64 bits of SHA-256 over model, effective date and tiers, never 0. Defaults are filled in first, so that
    /// "cached price left out" and "cached price equal to the input price", which cost the same, are one version.
    /// </summary>
    public static ulong Of(string model, PriceEntry entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var name = Encoding.UTF8.GetBytes(model);
        Append(hash, name.Length);
        hash.AppendData(name);
        Append(hash, entry.EffectiveFromMicros);
        foreach (var tier in entry.Tiers)
        {
            Append(hash, tier.AboveInputTokens);
            Append(hash, tier.InputPicoUsd);
            Append(hash, tier.CachedInputPicoUsd ?? tier.InputPicoUsd);
            Append(hash, tier.CacheWritePicoUsd ?? tier.InputPicoUsd);
            Append(hash, tier.OutputPicoUsd);
            Append(hash, tier.ReasoningPicoUsd ?? tier.OutputPicoUsd);
        }
        var version = BinaryPrimitives.ReadUInt64BigEndian(hash.GetHashAndReset());
        return version == 0 ? 1 : version;
    }

    private static void Append(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }
}
