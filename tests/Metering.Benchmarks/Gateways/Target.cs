namespace Metering.Benchmarks.Gateways;

/// <summary>What the load goes to, and what was measured of it, round by round.</summary>
/// <param name="Name">In the figures.</param>
/// <param name="Port">On loopback.</param>
/// <param name="Processes">Whose CPU is the target's.</param>
internal sealed record Target(string Name, int Port, IReadOnlyList<int> Processes)
{
    private readonly Dictionary<string, List<double>> _values = new(StringComparer.Ordinal);

    public void Add(string what, double value)
    {
        if (!_values.TryGetValue(what, out var values))
            _values[what] = values = [];
        values.Add(value);
    }

    public double Median(string what) => Rounds.Median(_values[what]);

    /// <summary>The median of what this target adds in each round to another one's value.</summary>
    public double MedianAbove(Target other, string what) => Rounds.Median(_values[what].Zip(other._values[what], static (ours, theirs) => ours - theirs));

    /// <summary>The median of the rounds' own ratios.</summary>
    public double MedianRatio(Target other, string what) => Rounds.Median(_values[what].Zip(other._values[what], static (ours, theirs) => ours / theirs));
}
