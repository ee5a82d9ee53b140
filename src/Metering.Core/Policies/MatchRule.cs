namespace Metering.Core.Policies;

/// <summary>A match with all the policies that have it: a request is held against it once. Immutable; any thread.</summary>
internal sealed class MatchRule
{
    private readonly MatchCondition[] _conditions;

    public MatchRule(IEnumerable<Policy> policies)
    {
        Policies = [.. policies.Select(static policy => new ExceptedPolicy(policy))];
        _conditions = MatchCondition.Of(Policies[0].Policy.Match);
        Shape = PolicyScopes.Shape(_conditions);
        Fixed = Shape.Fixed is { } name ? new PolicyScope(name) : null;
        Best = FindBest();
    }

    /// <summary>One at least.</summary>
    public ExceptedPolicy[] Policies { get; }

    public ScopeShape Shape { get; }

    /// <summary>The one scope; null when requests have their own.</summary>
    public PolicyScope? Fixed { get; }

    /// <summary>The condition that leaves the fewest requests; null when there are no values to look for.</summary>
    public MatchCondition? Best { get; }

    /// <summary>Of METER's extra sums; null when METER sums these scopes anyway, or when nothing of it can be summed.</summary>
    public ScopeShape? ExtraShape =>
        PolicyScopes.SummingShape(_conditions) is var shape && PolicyScopes.AreExtra(shape) && Array.Exists(Policies, static policy => policy.Policy.Unit != LimitUnit.Concurrent)
            ? shape
            : null;

    /// <summary>Equal for equal matches, however they are written.</summary>
    public static string KeyOf(Policy policy) => PolicyScopes.Shape(MatchCondition.Of(policy.Match)).Text;

    public bool Fits<TRequest>(scoped in TRequest request)
        where TRequest : IRequestDimensions, allows ref struct
    {
        foreach (var condition in _conditions)
        {
            if (!condition.Fits(request))
                return false;
        }
        return true;
    }

    // A key belongs to one tenant; models, routes and pools are shared by many.
    private MatchCondition? FindBest()
    {
        ReadOnlySpan<DimensionKind> order = [DimensionKind.Key, DimensionKind.Tenant, DimensionKind.Tag, DimensionKind.Model, DimensionKind.Route, DimensionKind.Pool];
        foreach (var kind in order)
        {
            if (Array.Find(_conditions, condition => condition.Dimension.Kind == kind && !condition.IsEach) is { } best)
                return best;
        }
        return null;
    }
}

/// <summary>A policy and whom it lets through.</summary>
internal sealed class ExceptedPolicy(Policy policy)
{
    private readonly MatchCondition[] _except = MatchCondition.Of(policy.Except);

    public Policy Policy { get; } = policy;

    public bool Excepts<TRequest>(scoped in TRequest request)
        where TRequest : IRequestDimensions, allows ref struct
    {
        foreach (var condition in _except)
        {
            if (condition.Fits(request))
                return true;
        }
        return false;
    }
}
