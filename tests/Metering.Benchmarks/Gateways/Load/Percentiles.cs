namespace Metering.Benchmarks.Gateways.Load;

/// <summary>Percentiles of what was measured, by nearest rank: each is a value that really occurred.</summary>
internal sealed class Percentiles
{
    private readonly List<long> _values;
    private bool _isSorted;

    public Percentiles(int expected = 1024) => _values = new(expected);

    public int Count => _values.Count;

    public void Add(long value)
    {
        _values.Add(value);
        _isSorted = false;
    }

    /// <summary>The smallest value that at least this share of the values does not pass; 0 when there are none.</summary>
    /// <param name="share">Above 0, at most 1.</param>
    public long At(double share)
    {
        if (share is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "give a share above 0, at most 1");
        if (_values.Count == 0)
            return 0;
        if (!_isSorted)
        {
            _values.Sort();
            _isSorted = true;
        }
        return _values[Math.Max(0, (int)Math.Ceiling(share * _values.Count) - 1)];
    }
}
