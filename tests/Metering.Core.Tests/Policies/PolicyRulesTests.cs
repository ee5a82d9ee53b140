using Metering.Core.Policies;
using Metering.Core.Windows;
using static Metering.Core.Tests.Policies.TestPolicies;

namespace Metering.Core.Tests.Policies;

public sealed class PolicyRulesTests
{
    private static readonly PolicyStep Notify = new(800_000, StepAction.Notify);

    public static TheoryData<string, Policy> Good => new()
    {
        { "hard tokens", Of("p") },
        { "hard usd of a tenant's month", Of("p", Each("tenant")) with { Unit = LimitUnit.Usd, Per = LimitPeriod.Month, TimeZone = "Europe/Berlin" } },
        { "a limit of nothing", Of("p") with { Amount = 0 } },
        { "soft and rolling", Of("p") with { Hard = false, Rolling = true, Steps = [Notify] } },
        { "soft concurrent", Of("p") with { Hard = false, Unit = LimitUnit.Concurrent, Per = LimitPeriod.None, Steps = [Notify] } },
        { "downgrade in shadow", Of("p") with { IsShadow = true, Steps = [new(500_000, StepAction.Downgrade) { ToModel = "small" }] } },
        { "every step", Of("p") with { Steps = [Notify, new(900_000, StepAction.Throttle) { TokensPerSecond = 200, BurstTokens = 1 }, new(950_000, StepAction.CapOutput) { MaxOutputTokens = 256 }, new(1_000_000, StepAction.Deny) { RetryAfterMs = 5_000 }] } },
        { "a soft step beyond the limit", Of("p") with { Hard = false, Steps = [new(1_500_000, StepAction.Deny)] } },
        { "whitelisted", Of("p", Each("tenant"), Is("model", "a", "b"), Is("tag.cost-centre", "x")) with { Except = [Is("key", "k_1", "k_2"), Is("tenant", "ours")] } },
        { "safe share", Of("p") with { WhenControlIsLost = LostControl.SafeShare, SafeSharePpm = 100_000 } },
        { "rolled out to a tenth", Of("p") with { SharePpm = 100_000, Message = "Your team has used its tokens." } },
    };

    public static TheoryData<string, Policy> Bad => new()
    {
        { "the name is no name", Of("a b") },
        { "the name is no name", Of("") },
        { "the name is no name", Of(new string('a', 101)) },
        { "'tennant' is no dimension", Of("p", Is("tennant", "a")) },
        { "'tag.' is no dimension", Of("p", Is("tag.", "a")) },
        { "'tag.xxx", Of("p", Is("tag." + new string('x', 129), "a")) },
        { "tenant stands twice", Of("p", Is("tenant", "a"), Each("tenant")) },
        { "tenant has no value", Of("p", Is("tenant")) },
        { "has values and each", Of("p", new PolicyMatch("tenant", ["a"], Each: true)) },
        { "'a' stands twice", Of("p", Is("tenant", "a", "a")) },
        { "has an empty value", Of("p", Is("tenant", "")) },
        { "is no value", Of("p", Is("tenant", new string('x', 513))) },
        { "is no value", Of("p", Is("tenant", "\ud800")) },
        { "make a scope's name of", Of("p", Is("tenant", [.. Enumerable.Range(0, 600).Select(i => $"tenant-{i}")])) },
        { "has 9 dimensions", Of("p", [.. Enumerable.Range(0, 9).Select(i => Each($"tag.t{i}"))]) },
        { "would let every request through", Of("p") with { Except = [Each("key")] } },
        { "except has values of", Of("p") with { Except = [Is("key", [.. Enumerable.Range(0, 3_000).Select(i => $"{i}-{new string('k', 90)}")])] } },
        { "except: 'keys' is no dimension", Of("p") with { Except = [Is("keys", "k")] } },
        { "its limit is -1", Of("p") with { Amount = -1 } },
        { "has no period", Of("p") with { Per = LimitPeriod.None } },
        { "hard and rolling do not go together", Of("p") with { Rolling = true } },
        { "hard and concurrent do not go together: hard limits are for tokens, input_tokens, output_tokens, usd and requests in fixed windows", Of("p") with { Unit = LimitUnit.Concurrent, Per = LimitPeriod.None } },
        { "leave out per", Of("p") with { Hard = false, Unit = LimitUnit.Concurrent, Steps = [Notify] } },
        { "leave out rolling", Of("p") with { Hard = false, Rolling = true, Unit = LimitUnit.Concurrent, Per = LimitPeriod.None, Steps = [Notify] } },
        { "this version does not know", Of("p") with { Unit = (LimitUnit)99 } },
        { "and this limit has no such windows", Of("p") with { TimeZone = "Europe/Berlin" } },
        { "time_zone 'Mars/Olympus' is not known", Of("p") with { Per = LimitPeriod.Day, TimeZone = "Mars/Olympus" } },
        { "nothing would ever happen", Of("p") with { Hard = false } },
        { "until routing is there", Of("p") with { Steps = [new(500_000, StepAction.Downgrade) { ToModel = "small" }] } },
        { "step 2 (at 0.8): is not above", Of("p") with { Steps = [Notify, Notify] } },
        { "step 1 (at 0): at is out of range", Of("p") with { Steps = [new(0, StepAction.Notify)] } },
        { "step 1 (at 10.000001): at is out of range", Of("p") with { Hard = false, Steps = [new(10_000_001, StepAction.Notify)] } },
        { "a hard limit is never passed", Of("p") with { Steps = [new(1_000_001, StepAction.Notify)] } },
        { "throttle needs tokens_per_second", Of("p") with { Steps = [new(800_000, StepAction.Throttle)] } },
        { "throttle takes no max_output_tokens", Of("p") with { Steps = [new(800_000, StepAction.Throttle) { TokensPerSecond = 1, MaxOutputTokens = 1 }] } },
        { "tokens_per_second is 0", Of("p") with { Steps = [new(800_000, StepAction.Throttle) { TokensPerSecond = 0 }] } },
        { "cap_output needs max_output_tokens", Of("p") with { Steps = [new(800_000, StepAction.CapOutput)] } },
        { "downgrade needs to_model", Of("p") with { IsShadow = true, Steps = [new(800_000, StepAction.Downgrade)] } },
        { "to_model is 0", Of("p") with { IsShadow = true, Steps = [new(800_000, StepAction.Downgrade) { ToModel = "" }] } },
        { "an action that this version does not know", Of("p") with { Steps = [new(800_000, (StepAction)77)] } },
        { "has 17 steps", Of("p") with { Steps = [.. Enumerable.Range(1, 17).Select(i => new PolicyStep(i, StepAction.Notify))] } },
        { "share is 1000001 millionths", Of("p") with { SharePpm = 1_000_001 } },
        { "safe_share needs a share", Of("p") with { WhenControlIsLost = LostControl.SafeShare } },
        { "safe_share is for", Of("p") with { SafeSharePpm = 1 } },
        { "message has 1001 characters", Of("p") with { Message = new string('m', 1001) } },
        { "on one line", Of("p") with { Message = "two\nlines" } },
    };

    [Theory]
    [MemberData(nameof(Good), DisableDiscoveryEnumeration = true)]
    public void Check_of_a_good_policy_finds_nothing(string _, Policy policy) => Assert.Empty(PolicyRules.Check(policy));

    [Theory]
    [MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void Check_of_a_bad_policy_says_what_is_wrong_in_one_sentence(string expected, Policy policy)
    {
        var error = Assert.Single(PolicyRules.Check(policy));
        Assert.StartsWith("policy '", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_names_all_that_is_wrong_at_once()
    {
        var policy = Of("p", Is("tennant", "a")) with { Amount = -1, Rolling = true, SharePpm = -1 };
        Assert.Equal(4, PolicyRules.Check(policy).Count);
    }
}
