using System.Globalization;
using System.Numerics;

namespace Metering.Cli.Prices;

/// <summary>Reads a JSON number of USD as whole pico-USD (10⁻¹² USD), exactly, in plain or exponent form.</summary>
internal static class PicoUsd
{
    private const int PicoExponent = 12;

    // Beyond these a number is no price, and BigInteger.Pow would be asked for a huge one.
    private const int MaxTextLength = 80;
    private const int MaxExponent = 60;

    /// <summary>Parses <paramref name="usd"/> (JSON's number grammar).</summary>
    /// <param name="usd">The number's text as it stands in the file.</param>
    /// <param name="picoUsd">Rounded half to even where the number is no whole pico-USD.</param>
    /// <param name="rounded">True when it was rounded.</param>
    /// <returns>False when it is no number, negative, or out of the range of 63 bits.</returns>
    public static bool TryParse(ReadOnlySpan<char> usd, out long picoUsd, out bool rounded)
    {
        (picoUsd, rounded) = (0, false);
        if (usd.IsEmpty || usd.Length > MaxTextLength)
            return false;
        if (!TrySplit(usd, out var digits, out var exponent))
            return false;
        if (digits.IsZero)
            return true;
        exponent += PicoExponent;
        if (exponent >= 0)
            return TryNarrow(digits * BigInteger.Pow(10, exponent), out picoUsd);

        var divisor = BigInteger.Pow(10, -exponent);
        var quotient = BigInteger.DivRem(digits, divisor, out var remainder);
        rounded = !remainder.IsZero;
        var half = (remainder * 2).CompareTo(divisor);
        if (half > 0 || (half == 0 && !quotient.IsEven))
            quotient++;
        return TryNarrow(quotient, out picoUsd);
    }

    private static bool TrySplit(ReadOnlySpan<char> text, out BigInteger digits, out int exponent)
    {
        (digits, exponent) = (BigInteger.Zero, 0);
        var e = text.IndexOfAny('e', 'E');
        if (e >= 0)
        {
            if (!int.TryParse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent)
                || Math.Abs((long)exponent) > MaxExponent)
            {
                return false;
            }
            text = text[..e];
        }
        var point = text.IndexOf('.');
        var mantissa = point < 0 ? text.ToString() : string.Concat(text[..point], text[(point + 1)..]);
        if (point >= 0)
            exponent -= text.Length - point - 1;
        return BigInteger.TryParse(mantissa, NumberStyles.None, CultureInfo.InvariantCulture, out digits);
    }

    private static bool TryNarrow(BigInteger value, out long picoUsd)
    {
        picoUsd = value <= long.MaxValue ? (long)value : 0;
        return value <= long.MaxValue;
    }
}
