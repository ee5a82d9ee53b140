namespace Metering.Core.Leases;

/// <summary>Sums of amounts that are never negative. One that would not fit stays at the greatest value: above every limit.</summary>
internal static class Saturating
{
    public static long Add(long a, long b)
    {
        var sum = a + b;
        return sum < 0 ? long.MaxValue : sum;
    }

    /// <summary><paramref name="amount"/> × <paramref name="ppm"/> in a million, rounded down.</summary>
    public static long Share(long amount, int ppm) => (long)((Int128)amount * ppm / 1_000_000);
}
