using Metering.Core.Policies;
using static Metering.Core.Tests.Policies.TestPolicies;

namespace Metering.Core.Tests.Policies;

public sealed class PolicyScopesTests
{
    [Theory]
    [InlineData("*", false)]
    [InlineData("tenant=acme", false, "tenant:acme")]
    [InlineData("tenant=acme/model=gpt-4o", false, "model:gpt-4o", "tenant:acme")]
    [InlineData("tenant=acme/route=chat", false, "route:chat", "tenant:acme")]
    [InlineData("key=k_1", false, "key:k_1")]
    [InlineData("tenant=acme,blue", true, "tenant:blue;acme")]
    [InlineData("tenant=a%2Cb,c%25", true, "tenant:c%;a,b")]
    [InlineData("tenant=acme/key=k_1", true, "key:k_1", "tenant:acme")]
    [InlineData("model=m/pool=h100", true, "pool:h100", "model:m")]
    [InlineData("tenant=acme/tag.a=1/tag.b%3Dc=2", true, "tag.b=c:2", "tag.a:1", "tenant:acme")]
    public void FixedScopeOf_a_match_is_its_dimensions_in_order_with_lists_sorted(string expected, bool isExtra, params string[] match)
    {
        Assert.Equal(expected, PolicyScopes.FixedScopeOf(Read(match))!.Text);
        Assert.Equal(expected, PolicyScopes.Describe(Read(match)));
        Assert.Equal(isExtra, PolicyScopes.AreExtra(Read(match)));
    }

    [Theory]
    [InlineData("tenant=each", false, "tenant:")]
    [InlineData("tenant=each/model=each", false, "tenant:", "model:")]
    [InlineData("tenant=each/model=a,b", true, "tenant:", "model:a;b")]
    [InlineData("tenant=each/pool=h100", true, "pool:h100", "tenant:")]
    [InlineData("tag.team=each", true, "tag.team:")]
    public void FixedScopeOf_a_match_with_each_is_none(string description, bool isExtra, params string[] match)
    {
        Assert.Null(PolicyScopes.FixedScopeOf(Read(match)));
        Assert.Equal(description, PolicyScopes.Describe(Read(match)));
        Assert.Equal(isExtra, PolicyScopes.AreExtra(Read(match)));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1_000_000, 10_000)]
    [InlineData(100_000, 1_000)]
    [InlineData(500_000, 5_000)]
    public void Touches_is_a_share_of_ids_within_a_tenth(int sharePpm, int expected)
    {
        var touched = Enumerable.Range(0, 10_000).Count(i => PolicyShare.Touches(sharePpm, System.Text.Encoding.UTF8.GetBytes($"request-{i}")));
        Assert.InRange(touched, expected * 9 / 10, expected * 11 / 10);
    }

    [Fact]
    public void Touches_of_a_raised_share_keeps_whom_it_touched_and_is_the_same_everywhere()
    {
        Assert.All(Enumerable.Range(0, 1_000).Select(i => System.Text.Encoding.UTF8.GetBytes($"request-{i}")), id =>
            Assert.True(!PolicyShare.Touches(100_000, id) || PolicyShare.Touches(200_000, id)));
        // Kafka's murmur2 of "21" is -973932308 (its own test's value): made positive 1173551340, modulo a million 551340.
        Assert.True(PolicyShare.Touches(551_341, "21"u8));
        Assert.False(PolicyShare.Touches(551_340, "21"u8));
    }

    // "dimension:value;value"; no value = each.
    private static PolicyMatch[] Read(string[] match) => [.. match.Select(one =>
    {
        var at = one.IndexOf(':', StringComparison.Ordinal);
        return at == one.Length - 1 ? Each(one[..at]) : Is(one[..at], one[(at + 1)..].Split(';'));
    })];
}
