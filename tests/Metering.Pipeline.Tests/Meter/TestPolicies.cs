using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Policies that name scopes.</summary>
internal static class TestPolicies
{
    public static PolicyMatcher Matcher(params Policy[] policies) => PolicyMatcher.Create(policies);

    public static Policy Of(string name, params PolicyMatch[] match) =>
        new() { Name = name, Match = match, Unit = LimitUnit.Tokens, Amount = 1_000, Per = LimitPeriod.Minute, Hard = true };

    public static PolicyMatch Is(string dimension, params string[] values) => new(dimension, values);

    public static PolicyMatch Each(string dimension) => new(dimension, [], Each: true);
}
