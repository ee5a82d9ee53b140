using System.Text;
using Metering.Core.Policies;
using Metering.Core.Windows;
using static Metering.Core.Tests.Policies.TestPolicies;

namespace Metering.Core.Tests.Policies;

public sealed class PolicyMatcherTests
{
    [Fact]
    public void Match_finds_every_policy_that_fits_with_the_account_of_the_request()
    {
        var matcher = PolicyMatcher.Create([
            Of("all"),
            Of("acme", Is("tenant", "acme")),
            Of("acme-big", Is("tenant", "acme"), Is("model", "big")),
            Of("shared", Is("tenant", "blue", "acme")),
            Of("each", Each("tenant")),
            Of("each-on-h100", Is("pool", "h100"), Each("tenant")),
            Of("team", Each("tag.team"), Is("tenant", "acme")),
            Of("other", Is("key", "k_2")),
        ]);
        Assert.Equal(["acme tenant=acme", "all *", "each tenant=acme", "each-on-h100 tenant=acme/pool=h100", "shared tenant=acme,blue", "team tenant=acme/tag.team=a%2Fb"],
            matcher.Matched(new("acme", "k_1", "small", pool: "h100", tags: [("team", "a/b")])));
        Assert.Equal(["all *", "each tenant=blue", "shared tenant=acme,blue"], matcher.Matched(new("blue")));
        Assert.Equal(["all *", "other key=k_2"], matcher.Matched(new(key: "k_2")));
        Assert.Empty(PolicyMatcher.Empty.Matched(new("acme")));
    }

    [Fact]
    public void Match_of_a_request_that_lacks_a_dimension_fits_no_policy_that_names_it()
    {
        var matcher = PolicyMatcher.Create([Of("pool", Each("pool")), Of("tag", Each("tag.team")), Of("tenant", Is("tenant", "acme"), Each("tag.team"))]);
        Assert.Empty(matcher.Matched(new("acme", tags: [("team", "")])));
        Assert.Equal(["tag tag.team=b", "tenant tenant=acme/tag.team=b"], matcher.Matched(new("acme", tags: [("team", "a"), ("team", "b")])));
    }

    [Fact]
    public void Match_says_which_policies_let_the_request_through()
    {
        var matcher = PolicyMatcher.Create([Of("spend", Each("tenant")) with { Except = [Is("key", "k_1", "k_2"), Is("route", "batch")] }, Of("all")]);
        Assert.Equal(["all *", "spend tenant=acme !"], matcher.Matched(new("acme", "k_2")));
        Assert.Equal(["all *", "spend tenant=acme !"], matcher.Matched(new("acme", "k_3", route: "batch")));
        Assert.Equal(["all *", "spend tenant=acme"], matcher.Matched(new("acme", "k_3")));
    }

    [Fact]
    public void Match_of_a_long_list_compares_whole_names()
    {
        var matcher = PolicyMatcher.Create([Of("list", Each("tenant"), Is("model", [.. Enumerable.Range(0, 50).Select(i => $"m{i}")]))]);
        Assert.Single(matcher.Matched(new("acme", model: "m49")));
        Assert.Empty(matcher.Matched(new("acme", model: "m4x")));
        Assert.Empty(matcher.Matched(new("acme", model: "m50")));
    }

    [Fact]
    public void Match_of_names_of_every_length_is_escaped_like_other_scopes()
    {
        var longest = new string('/', 512);
        var matcher = PolicyMatcher.Create([Of("p", Each("tenant"), Each("pool"), Each("tag.t"))]);
        Assert.Equal(["p tenant=a%2Cb/pool=" + longest.Replace("/", "%2F", StringComparison.Ordinal) + "/tag.t=%25"], matcher.Matched(new("a,b", pool: longest, tags: [("t", "%")])));
    }

    [Fact]
    public void PoliciesOf_a_scope_are_those_whose_account_it_is()
    {
        var matcher = PolicyMatcher.Create([
            Of("all"), Of("acme", Is("tenant", "acme")), Of("each", Each("tenant")), Of("shared", Is("tenant", "blue", "acme")), Of("each-model", Is("model", "a", "b"), Each("tenant")),
        ]);
        Assert.Equal(["all"], Names("*"));
        Assert.Equal(["acme", "each"], Names("tenant=acme"));
        Assert.Equal(["each"], Names("tenant=blue"));
        Assert.Equal(["shared"], Names("tenant=acme,blue"));
        Assert.Equal(["each-model"], Names("tenant=x%2Cy/model=a,b"));
        foreach (var stranger in new[] { "", "tenant=", "tenant", "tenant=acme/", "tenant=acme/model=a", "tenant=acme/model=a,b/pool=p", "/", "model=a,b", "key=acme", "tenant=a,c" })
            Assert.Empty(Names(stranger));

        string[] Names(string scope) => [.. matcher.PoliciesOf(Encoding.UTF8.GetBytes(scope)).Select(policy => policy.Name).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void ExtraScopes_are_those_that_meter_does_not_sum_anyway_each_once()
    {
        var matcher = PolicyMatcher.Create([
            Of("all"), Of("acme", Is("tenant", "acme")), Of("model", Each("tenant"), Is("model", "m")), Of("key", Each("key")),
            Of("one", Is("tenant", "acme"), Is("pool", "h100")),
            Of("each", Each("tenant"), Is("pool", "h100")),
            Of("same", Is("tenant", "acme"), Is("pool", "h100")) with { Unit = LimitUnit.Usd },
            Of("list", Is("tenant", "acme", "blue")),
            Of("list-again", Is("tenant", "blue", "acme")),
            Of("under-way", Is("tag.team", "a")) with { Hard = false, Unit = LimitUnit.Concurrent, Per = LimitPeriod.None, Steps = [new(1, StepAction.Notify)] },
        ]);
        Assert.Equal(["tenant=acme,blue", "tenant=acme/pool=h100"], matcher.Extra(new("acme", "k", "m", pool: "h100", tags: [("team", "a")])).Order(StringComparer.Ordinal));
        Assert.Equal(["tenant=new/pool=h100"], matcher.Extra(new("new", pool: "h100")));
        Assert.Empty(matcher.Extra(new("new", "k", "m")));
    }

    [Fact]
    public void ExtraScopes_are_none_when_meter_sums_all_that_policies_name() =>
        Assert.Null(PolicyMatcher.Create([Of("all"), Of("a", Each("tenant")), Of("b", Is("route", "r"), Is("tenant", "t"))]).ExtraScopes);

    [Fact]
    public void Create_refuses_what_breaks_a_rule_and_says_all_of_it()
    {
        var error = Assert.Throws<ArgumentException>(() => PolicyMatcher.Create([Of("p"), Of("p"), Of("q") with { Amount = -1 }]));
        Assert.Contains("policy 'p': is there twice", error.Message, StringComparison.Ordinal);
        Assert.Contains("policy 'q': its limit is -1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Match_allocates_nothing_once_scopes_are_known()
    {
        var policies = Enumerable.Range(0, 500).Select(i => Of($"tenant-{i}", Is("tenant", $"t{i}"))).Append(Of("each", Each("tenant"), Is("model", "big"))).Append(Of("extra", Each("tenant"), Each("tag.team")));
        var matcher = PolicyMatcher.Create(policies);
        Request[] requests = [new("t7", model: "small"), new("t7", model: "big", tags: [("team", "a")]), new("stranger", model: "small")];
        var (matches, names) = (new PolicyMatches(), new ExtraScopeNames());
        Run(10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(1_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run(int times)
        {
            for (var i = 0; i < times; i++)
            {
                foreach (var request in requests)
                {
                    matcher.Match(request.Dimensions, matches);
                    matcher.ExtraScopes!.Find(request.Dimensions, names);
                }
            }
        }
    }
}
