namespace Metering.Benchmarks;

/// <summary>What rounds of a measurement come to.</summary>
internal static class Rounds
{
    /// <summary>The middle value: one disturbed round does not move it.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
