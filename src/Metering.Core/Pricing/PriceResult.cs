using System.Runtime.InteropServices;

namespace Metering.Core.Pricing;

/// <summary>Why usage bears no price. Such usage is flagged, never free (its cost is 0 and <see cref="PriceResult.Priced"/> is false).</summary>
public enum Unpriced : byte
{
    /// <summary>It is priced.</summary>
    No,

    /// <summary>The book has no such model.</summary>
    UnknownModel,

    /// <summary>The usage is older than the model's first price.</summary>
    BeforeFirstPrice,

    /// <summary>A count is negative, cached and cache-write together exceed the input, or reasoning exceeds the output.</summary>
    InvalidTokens,

    /// <summary>The cost does not fit 63 bits of pico-USD (about 9.2 million USD for one request).</summary>
    Overflow,
}

/// <summary>What one request's tokens cost, and by which price.</summary>
/// <param name="CostPicoUsd">10⁻¹² USD, 0 or more; 0 when not priced.</param>
/// <param name="PriceVersion">Names the price entry that was used; 0 = not priced. The same entry has the same version everywhere and for good.</param>
/// <param name="Reason"><see cref="Unpriced.No"/>, or why not.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct PriceResult(long CostPicoUsd, ulong PriceVersion, Unpriced Reason)
{
    /// <summary>True when a price was found and applied, also one of 0.</summary>
    public bool Priced => Reason == Unpriced.No;

    internal static PriceResult Not(Unpriced reason) => new(0, 0, reason);
}
