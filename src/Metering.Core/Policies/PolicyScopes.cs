namespace Metering.Core.Policies;

/// <summary>Which account a policy's requests belong to. A single value names it as it is, a list shares one account (its values in
/// the order of their bytes, joined by commas), and <c>each</c> gives every value its own. Dimensions stand in the order tenant,
/// key, model, route, pool, tags.</summary>
public static class PolicyScopes
{
    /// <summary>The most bytes of UTF-8 that a match's own names and lists may take in a scope's name.</summary>
    public const int MaxFixedBytes = 4096;

    // Of own values: METER adds these up whatever policies there are.
    private static readonly string[] AlwaysSummed =
        ["*", "tenant", "tenant/model", "tenant/route", "key", "model", "route", "pool"];

    /// <summary>The one scope of a match without <c>each</c>; null when each value has its own.</summary>
    /// <param name="match">It obeys <see cref="PolicyRules"/>.</param>
    public static PolicyScope? FixedScopeOf(IReadOnlyList<PolicyMatch> match) =>
        Shape(MatchCondition.Of(match)).Fixed is { } name ? new PolicyScope(name) : null;

    /// <summary>A match in words, as scopes are written, with <c>tenant=each</c> where every value has its own.</summary>
    /// <param name="match">It obeys <see cref="PolicyRules"/>.</param>
    public static string Describe(IReadOnlyList<PolicyMatch> match)
    {
        var conditions = MatchCondition.Of(match);
        if (conditions.Length == 0)
            return "*";
        return string.Join('/', conditions.Select(static one => one.IsEach ? one.Dimension.Name + "=each" : Shape([one]).Text));
    }

    /// <summary>METER sums up the scopes of such a match only because a policy names them: all but <c>*</c>, tenant, model, route,
    /// key, pool, tenant with model and tenant with route, each of single values.</summary>
    /// <param name="match">It obeys <see cref="PolicyRules"/>.</param>
    public static bool AreExtra(IReadOnlyList<PolicyMatch> match) => AreExtra(SummingShape(MatchCondition.Of(match)));

    internal static bool AreExtra(ScopeShape summing) => !AlwaysSummed.Contains(summing.Text, StringComparer.Ordinal);

    /// <summary>The shape of a policy's own accounts.</summary>
    internal static ScopeShape Shape(MatchCondition[] conditions) => ScopeShape.Of(conditions, static _ => false);

    /// <summary>The shape under which sums are made: <c>tenant=acme</c> is one of <c>tenant: each</c>, so that an event counts once
    /// in a scope that two policies name.</summary>
    internal static ScopeShape SummingShape(MatchCondition[] conditions) => ScopeShape.Of(conditions, static condition => !condition.IsList);
}
