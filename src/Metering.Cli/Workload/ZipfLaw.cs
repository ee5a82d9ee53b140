namespace Metering.Cli.Workload;

/// <summary>Ranks 0 to N−1, rank k with a weight of 1/(k+1)^s: few large tenants, many small ones. Immutable.</summary>
public sealed class ZipfLaw
{
    /// <summary>More tenants than this would cost more memory than a test of load is worth.</summary>
    public const int MaxRanks = 1_000_000;

    private readonly double[] _cumulative;

    /// <param name="ranks">1 to <see cref="MaxRanks"/>.</param>
    /// <param name="exponent">s; 1 needs only additions and divisions, which are the same to the bit on every machine.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are too few or too many ranks.</exception>
    public ZipfLaw(int ranks, double exponent = 1)
    {
        if (ranks is < 1 or > MaxRanks)
            throw new ArgumentOutOfRangeException(nameof(ranks), ranks, $"give 1 to {MaxRanks}");
        _cumulative = new double[ranks];
        var sum = 0.0;
        for (var k = 0; k < ranks; k++)
            _cumulative[k] = sum += 1.0 / (exponent == 1 ? k + 1 : Math.Pow(k + 1, exponent));
    }

    /// <summary>A rank.</summary>
    public int Sample(SeededRandom random)
    {
        var i = Array.BinarySearch(_cumulative, random.NextDouble() * _cumulative[^1]);
        return Math.Min(i < 0 ? ~i : i + 1, _cumulative.Length - 1);
    }
}
