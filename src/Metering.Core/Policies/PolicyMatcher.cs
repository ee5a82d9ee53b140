using System.Buffers;
using System.Runtime.CompilerServices;

namespace Metering.Core.Policies;

/// <summary>
/// All policies at one moment of the topic <c>policies</c>: which of them a request must obey, and under which accounts. An
/// immutable snapshot for readers on any thread; a change is a new matcher. A request that no policy fits costs a look-up for
/// each dimension that policies name values of, and no garbage.
/// </summary>
public sealed class PolicyMatcher
{
    private const int SmallNameBytes = 512;

    private readonly RuleIndex _index;
    private readonly ScopeCache _scopes = new();
    private readonly Dictionary<byte[], MatchRule>.AlternateLookup<ReadOnlySpan<byte>> _byFixedScope;
    private readonly MatchRule[] _withOwnScopes;

    private PolicyMatcher(Policy[] policies)
    {
        Policies = policies;
        MatchRule[] rules = [.. policies.GroupBy(MatchRule.KeyOf, StringComparer.Ordinal).Select(static group => new MatchRule(group))];
        _index = new RuleIndex(rules);
        _byFixedScope = rules.Where(static rule => rule.Fixed is not null).ToDictionary(static rule => rule.Fixed!.Utf8.ToArray(), Utf8Comparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();
        _withOwnScopes = [.. rules.Where(static rule => rule.Fixed is null)];
        ExtraScopes = ExtraScopes.Of(rules);
    }

    /// <summary>Without policies.</summary>
    public static PolicyMatcher Empty { get; } = new([]);

    /// <summary>All policies, in the order of their names.</summary>
    public IReadOnlyList<Policy> Policies { get; }

    /// <summary>The scopes that METER sums up only because policies name them; null when there are none.</summary>
    public ExtraScopes? ExtraScopes { get; }

    /// <summary>Builds a matcher.</summary>
    /// <exception cref="ArgumentException">A rule of <see cref="PolicyRules"/> is broken or a name is there twice; the message lists every case.</exception>
    public static PolicyMatcher Create(IEnumerable<Policy> policies)
    {
        Policy[] all = [.. policies.OrderBy(static policy => policy.Name, StringComparer.Ordinal)];
        var errors = all.SelectMany(PolicyRules.Check)
            .Concat(all.GroupBy(static policy => policy.Name, StringComparer.Ordinal).Where(static group => group.Skip(1).Any()).Select(static group => $"policy '{group.Key}': is there twice; keep one"))
            .ToList();
        return errors.Count == 0 ? new PolicyMatcher(all) : throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(policies));
    }

    /// <summary>Finds every policy that the request fits, those in shadow too. It obeys all of them.</summary>
    /// <param name="matches">Cleared first.</param>
    public void Match<TRequest>(scoped in TRequest request, PolicyMatches matches)
        where TRequest : IRequestDimensions, allows ref struct
    {
        matches.Clear();
        _index.Find(request, matches.Rules);
        foreach (var rule in matches.Rules)
        {
            var scope = rule.Fixed ?? OwnScope(rule.Shape, request);
            foreach (var policy in rule.Policies)
                matches.Add(new PolicyMatched(policy.Policy, scope, policy.Excepts(request)));
        }
    }

    /// <summary>The policies whose limit has an account of this name, such as the key of a usage delta. Makes a list: keep what it says.</summary>
    /// <param name="scope">UTF-8.</param>
    public IReadOnlyList<Policy> PoliciesOf(ReadOnlySpan<byte> scope)
    {
        var found = new List<Policy>();
        if (_byFixedScope.TryGetValue(scope, out var named))
            AddTo(found, named);
        foreach (var rule in _withOwnScopes)
        {
            if (rule.Shape.IsNameOf(scope))
                AddTo(found, rule);
        }
        return found;
    }

    private static void AddTo(List<Policy> found, MatchRule rule)
    {
        foreach (var policy in rule.Policies)
            found.Add(policy.Policy);
    }

    [SkipLocalsInit]
    private PolicyScope OwnScope<TRequest>(ScopeShape shape, scoped in TRequest request)
        where TRequest : IRequestDimensions, allows ref struct
    {
        var room = shape.RoomFor(request);
        if (room <= SmallNameBytes)
        {
            Span<byte> small = stackalloc byte[SmallNameBytes];
            return _scopes.Of(small[..shape.Write(request, small)]);
        }
        var buffer = ArrayPool<byte>.Shared.Rent(room);
        var scope = _scopes.Of(buffer.AsSpan(0, shape.Write(request, buffer)));
        ArrayPool<byte>.Shared.Return(buffer);
        return scope;
    }
}
