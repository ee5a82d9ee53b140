using System.Text;
using CsCheck;
using Metering.Core.Policies;
using Metering.Core.Usage;
using static Metering.Core.Tests.Policies.TestPolicies;

namespace Metering.Core.Tests.Policies;

/// <summary>The matcher against a slow reference that looks at every policy. CsCheck prints the seed of a failure.</summary>
public sealed class PolicyMatcherPropertyTests
{
    private static readonly string[] Dimensions = ["tenant", "key", "model", "route", "pool", "tag.a", "tag.b=/"];

    private static readonly Gen<string> Value = OneOf("a", "b", "c", "a,b", "each", "%2C", "/", "d", "e", "f");

    private static readonly Gen<PolicyMatch> Match = Gen.Select(OneOf(Dimensions), Value.Array[0, 6]).Select((dimension, values) => new PolicyMatch(dimension, [.. values.Distinct()], values.Length == 0));

    private static readonly Gen<Policy[]> Policies =
        Gen.Select(Match.Array[0, 3], Match.Array[0, 2]).Select((match, except) => (match, except)).Array[0, 12].Select(all => all.Select((one, i) => Of($"p{i}", [.. one.match.DistinctBy(m => m.Dimension)]) with
        {
            Except = [.. one.except.Where(m => !m.Each).DistinctBy(m => m.Dimension)],
        }).ToArray());

    // By dimension; "" where the request has none.
    private static readonly Gen<string[]> Values = Gen.OneOf(Value, Gen.Const("")).Array[7];

    [Fact]
    public void Match_equals_the_reference() => Gen.Select(Policies, Values).Sample((policies, values) =>
    {
        var matcher = PolicyMatcher.Create(policies);
        var expected = policies.Where(policy => policy.Match.All(match => Fits(match, values)))
            .Select(policy => $"{policy.Name} {ScopeOf(policy, values)}{(policy.Except.Any(match => Fits(match, values)) ? " !" : "")}")
            .Order(StringComparer.Ordinal);
        Assert.Equal(expected, matcher.Matched(RequestOf(values)));
    });

    [Fact]
    public void ExtraScopes_equal_the_reference_and_every_scope_leads_back_to_its_policies() => Gen.Select(Policies, Values).Sample((policies, values) =>
    {
        var matcher = PolicyMatcher.Create(policies);
        var fitting = policies.Where(policy => policy.Match.All(match => Fits(match, values))).ToArray();
        var expected = fitting.Where(policy => PolicyScopes.AreExtra(policy.Match)).Select(policy => ScopeOf(policy, values)).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(expected, matcher.Extra(RequestOf(values)).Order(StringComparer.Ordinal));
        Assert.All(fitting, policy => Assert.Contains(policy, matcher.PoliciesOf(Encoding.UTF8.GetBytes(ScopeOf(policy, values)))));
    });

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static Request RequestOf(string[] v) => new(v[0], v[1], v[2], v[3], v[4], ("a", v[5]), ("b=/", v[6]));

    private static bool Fits(PolicyMatch match, string[] values)
    {
        var value = values[Array.IndexOf(Dimensions, match.Dimension)];
        return value.Length > 0 && (match.Each || match.Values.Contains(value));
    }

    private static string ScopeOf(Policy policy, string[] values)
    {
        var parts = policy.Match.OrderBy(match => Array.IndexOf(Dimensions, match.Dimension)).Select(match =>
            match.Dimension.Replace("b=/", "b%3D%2F", StringComparison.Ordinal) + "=" + string.Join(',', match.Each
                ? [Escaped(values[Array.IndexOf(Dimensions, match.Dimension)])]
                : match.Values.Order(StringComparer.Ordinal).Select(Escaped)));
        return policy.Match.Count == 0 ? "*" : string.Join('/', parts);
    }

    private static string Escaped(string value)
    {
        var name = new ScopeName(new byte[ScopeName.MaxBytes]);
        name.Set("x"u8, Encoding.UTF8.GetBytes(value));
        return Encoding.UTF8.GetString(name.Utf8)[2..];
    }
}
