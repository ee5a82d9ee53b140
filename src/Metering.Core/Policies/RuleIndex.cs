namespace Metering.Core.Policies;

/// <summary>Finds the rules that may fit a request: by one value that each of them asks for. Immutable; any thread.</summary>
internal sealed class RuleIndex
{
    private readonly ByValue[] _byValue;

    // Those that ask for no value: every request is held against them.
    private readonly MatchRule[] _others;

    public RuleIndex(IReadOnlyList<MatchRule> rules)
    {
        _byValue = [.. rules.Where(static rule => rule.Best is not null).GroupBy(static rule => rule.Best!.Dimension.Name, StringComparer.Ordinal).Select(static group => new ByValue([.. group]))];
        _others = [.. rules.Where(static rule => rule.Best is null)];
    }

    public bool IsEmpty => _byValue.Length == 0 && _others.Length == 0;

    /// <summary>Adds the rules that fit.</summary>
    public void Find<TRequest>(scoped in TRequest request, List<MatchRule> found)
        where TRequest : IRequestDimensions, allows ref struct
    {
        foreach (var index in _byValue)
            AddFitting(index.Of(request.ValueOf(index.Dimension)), request, found);
        AddFitting(_others, request, found);
    }

    private static void AddFitting<TRequest>(MatchRule[] candidates, scoped in TRequest request, List<MatchRule> found)
        where TRequest : IRequestDimensions, allows ref struct
    {
        foreach (var rule in candidates)
        {
            if (rule.Fits(request))
                found.Add(rule);
        }
    }

    private sealed class ByValue
    {
        private readonly Dictionary<byte[], MatchRule[]>.AlternateLookup<ReadOnlySpan<byte>> _lookup;

        public ByValue(MatchRule[] rules)
        {
            Dimension = rules[0].Best!.Dimension;
            _lookup = rules.SelectMany(static rule => rule.Best!.Values.Select(value => (value, rule)))
                .GroupBy(static pair => pair.value, static pair => pair.rule, Utf8Comparer.Instance)
                .ToDictionary(static group => group.Key, static group => group.ToArray(), Utf8Comparer.Instance)
                .GetAlternateLookup<ReadOnlySpan<byte>>();
        }

        public PolicyDimension Dimension { get; }

        public MatchRule[] Of(ReadOnlySpan<byte> value) => !value.IsEmpty && _lookup.TryGetValue(value, out var rules) ? rules : [];
    }
}
