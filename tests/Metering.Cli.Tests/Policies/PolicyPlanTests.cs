using Metering.Cli.Policies;
using Metering.Core.Keys;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Tests.Policies;

public sealed class PolicyPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);
    private static readonly long NowMicros = Now.ToUnixTimeMilliseconds() * 1_000;

    private static Policy Hard => new()
    {
        Name = "p",
        Match = [new("tenant", ["a", "b"])],
        Except = [new("key", ["k_1", "k_2"])],
        Unit = LimitUnit.Tokens,
        Amount = 1_000,
        Per = LimitPeriod.Minute,
        Hard = true,
        SharePpm = 500_000,
        AppliedAtMicros = 1,
        EffectiveAtMicros = 2,
    };

    private static Policy Soft => Hard with { Hard = false, Steps = [new(800_000, StepAction.Notify)] };

    public static TheoryData<string, Policy?, Policy, bool> R30Cases => new()
    {
        { "new hard", null, Hard, true },
        { "new soft", null, Soft, false },
        { "new hard in shadow", null, Hard with { IsShadow = true }, false },
        { "lowered", Hard, Hard with { Amount = 999 }, true },
        { "raised", Hard, Hard with { Amount = 1_001 }, false },
        { "made hard", Soft, Soft with { Hard = true }, true },
        { "made soft", Hard, Soft, false },
        { "out of shadow", Hard with { IsShadow = true }, Hard, true },
        { "into shadow", Hard, Hard with { IsShadow = true }, false },
        { "for others", Hard, Hard with { Match = [new("tenant", ["a", "c"])] }, true },
        { "another period", Hard, Hard with { Per = LimitPeriod.Hour }, true },
        { "a larger share", Hard, Hard with { SharePpm = 500_001 }, true },
        { "a smaller share", Hard, Hard with { SharePpm = 499_999 }, false },
        { "fewer let through", Hard, Hard with { Except = [new("key", ["k_1"])] }, true },
        { "more let through", Hard, Hard with { Except = [new("key", ["k_1", "k_2", "k_3"])] }, false },
        { "another message", Hard, Hard with { Message = "new" }, false },
        { "more steps", Hard, Hard with { Steps = [new(1, StepAction.Notify)] }, false },
    };

    [Theory]
    [MemberData(nameof(R30Cases), DisableDiscoveryEnumeration = true)]
    public void R30_Make_lets_a_new_or_lowered_hard_limit_wait_for_the_gateways(string _, Policy? before, Policy after, bool waits)
    {
        var change = Plan(before, after);
        Assert.Equal(before is null ? PolicyChangeKind.Added : PolicyChangeKind.Changed, change.Kind);
        Assert.Equal((waits, NowMicros, waits ? NowMicros + 5_000_000 : NowMicros), (change.Waits, change.Policy.AppliedAtMicros, change.Policy.EffectiveAtMicros));
    }

    [Fact]
    public void R30_Make_of_a_limit_that_waits_already_goes_on_waiting_unless_it_is_raised()
    {
        var waiting = Hard with { EffectiveAtMicros = NowMicros + 2_000_000 };
        Assert.Equal(NowMicros + 2_000_000, Plan(waiting, waiting with { Message = "new" }).Policy.EffectiveAtMicros);
        Assert.Equal(NowMicros, Plan(waiting, waiting with { Amount = 2_000 }).Policy.EffectiveAtMicros);
    }

    [Fact]
    public void Make_of_the_same_in_another_order_changes_nothing()
    {
        var change = Plan(Hard, Hard with { Match = [new("tenant", ["b", "a"])], AppliedAtMicros = 0, EffectiveAtMicros = 0 });
        Assert.Equal((PolicyChangeKind.Unchanged, 1L, 2L), (change.Kind, change.Policy.AppliedAtMicros, change.Policy.EffectiveAtMicros));
    }

    [Fact]
    public void Make_names_the_fields_that_differ()
    {
        var change = Plan(Hard, Hard with { Amount = 5, Message = "new", Except = [], Steps = [new(900_000, StepAction.Deny)] });
        Assert.Equal(
            [("except", "{ key: [k_1, k_2] }", null), ("limit", "{ tokens: 1000, per: minute, hard: true }", "{ tokens: 5, per: minute, hard: true }"), ("steps", null, "[{ at: 0.9, action: deny }]"), ("message", null, "\"new\"")],
            change.Differences.OrderBy(one => Array.IndexOf(PolicyFields.OfPolicy, one.Field)));
    }

    [Fact]
    public void Unseen_names_tenants_keys_and_models_that_no_key_or_price_has()
    {
        var key = new ApiKey { Id = "k_1", Tenant = "acme", SecretHashes = [] };
        var seen = new SeenNames([key], ["gpt-4o"]);
        var policy = Hard with
        {
            Match = [new("tenant", ["acme", "blue"]), new("model", ["gpt-4o", "openai/gpt-4o", "x/gpt-5"]), new("pool", ["h100"]), new("tag.team", ["t"]), new("route", [], Each: true)],
            Except = [new("key", ["k_1", "k_2"])],
            Steps = [new(1, StepAction.Downgrade) { ToModel = "tiny" }],
        };
        Assert.Equal(
            ["policy 'p': the tenant 'blue' was never seen: no key has it", "policy 'p': the model 'x/gpt-5' was never seen: no price has it", "policy 'p': the key 'k_2' was never seen: no key has it", "policy 'p': the model 'tiny' was never seen: no price has it"],
            seen.Unseen([policy]));
    }

    private static PolicyChange Plan(Policy? before, Policy after) =>
        Assert.Single(PolicyPlan.Make(new[] { before }.OfType<Policy>().ToDictionary(policy => policy.Name, StringComparer.Ordinal), [after], Now));
}
