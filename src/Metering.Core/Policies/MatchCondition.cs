using System.Text;

namespace Metering.Core.Policies;

/// <summary>One dimension that a request must fit: any of some values, or any value at all. Immutable; any thread.</summary>
internal sealed class MatchCondition
{
    // Fewer are compared one by one.
    private const int FewValues = 4;

    private readonly HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> _lookup;

    /// <param name="match">It obeys <see cref="PolicyRules"/>.</param>
    public MatchCondition(PolicyMatch match)
    {
        Dimension = PolicyDimension.Find(match.Dimension) ?? throw new ArgumentException($"'{match.Dimension}' is no dimension", nameof(match));
        Values = [.. match.Values.Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes)];
        Array.Sort(Values, static (one, other) => one.AsSpan().SequenceCompareTo(other));
        if (Values.Length > FewValues)
            _lookup = new HashSet<byte[]>(Values, Utf8Comparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public PolicyDimension Dimension { get; }

    /// <summary>UTF-8, in the order of their bytes, each once; empty: every value has a limit of its own.</summary>
    public byte[][] Values { get; }

    public bool IsEach => Values.Length == 0;

    /// <summary>Several values have one limit.</summary>
    public bool IsList => Values.Length > 1;

    public bool Fits<TRequest>(scoped in TRequest request)
        where TRequest : IRequestDimensions, allows ref struct
    {
        var value = request.ValueOf(Dimension);
        if (value.IsEmpty || IsEach)
            return !value.IsEmpty;
        if (Values.Length > FewValues)
            return _lookup.Contains(value);
        foreach (var candidate in Values)
        {
            if (value.SequenceEqual(candidate))
                return true;
        }
        return false;
    }

    /// <summary>The conditions of a policy's match in the order in which a scope names them.</summary>
    public static MatchCondition[] Of(IReadOnlyList<PolicyMatch> matches)
    {
        MatchCondition[] conditions = [.. matches.Select(static match => new MatchCondition(match))];
        Array.Sort(conditions, static (one, other) => PolicyDimension.Compare(one.Dimension, other.Dimension));
        return conditions;
    }
}
