namespace Metering.Cli.Workload;

/// <summary>
/// A distribution given by some of its quantiles. Between two of them the logarithm of the value runs straight (token
/// counts have long tails), or the value itself where a quantile is 0. Immutable.
/// </summary>
public sealed class QuantileCurve
{
    private readonly double[] _levels;
    private readonly double[] _values;

    /// <param name="levels">Rising from 0 to 1.</param>
    /// <param name="values">The quantile at each level; 0 or more, not falling.</param>
    /// <exception cref="ArgumentException">The levels or values are not so.</exception>
    public QuantileCurve(ReadOnlySpan<double> levels, ReadOnlySpan<double> values)
    {
        if (levels.Length != values.Length || levels.Length < 2)
            throw new ArgumentException($"{levels.Length} levels and {values.Length} values; give as many of both, at least 2", nameof(values));
        if (levels[0] != 0 || levels[^1] != 1)
            throw new ArgumentException("the levels must run from 0 to 1", nameof(levels));
        for (var i = 0; i < levels.Length; i++)
        {
            if (!double.IsFinite(values[i]) || values[i] < 0 || (i > 0 && (values[i] < values[i - 1] || levels[i] <= levels[i - 1])))
                throw new ArgumentException($"the quantile {values[i]} at {levels[i]} is negative or below the one before it", nameof(values));
        }
        _levels = levels.ToArray();
        _values = values.ToArray();
    }

    /// <summary>The value at a level in [0, 1].</summary>
    public double At(double level)
    {
        var i = 1;
        while (i < _levels.Length - 1 && level > _levels[i])
            i++;
        var (low, high) = (_values[i - 1], _values[i]);
        var weight = (level - _levels[i - 1]) / (_levels[i] - _levels[i - 1]);
        return low > 0 ? low * Math.Pow(high / low, weight) : low + ((high - low) * weight);
    }

    /// <summary>The value at a level, as a count of tokens.</summary>
    public long TokensAt(double level) => (long)Math.Round(At(level), MidpointRounding.ToEven);
}
