using Metering.Core.Policies;

namespace Metering.Cli.Policies;

internal enum PolicyChangeKind
{
    Added,
    Changed,
    Unchanged,
}

/// <summary>What an application does to one policy.</summary>
/// <param name="Policy">As it will stand, with its times; as it stands where nothing changes.</param>
/// <param name="Differences">Of a changed one, by field; null where a field is not there.</param>
/// <param name="Waits">R30: it begins only when every gateway has heard of it.</param>
internal sealed record PolicyChange(PolicyChangeKind Kind, Policy Policy, IReadOnlyList<(string Field, string? Before, string? After)> Differences, bool Waits);

/// <summary>What a file of policies changes among those that are applied: it adds and replaces by name, and takes none away.</summary>
internal static class PolicyPlan
{
    /// <summary>R30: a gateway has heard of a policy 3 s after it was acknowledged, or has lost control by then; 2 s are for the
    /// acknowledgement. No more: 5 s are promised.</summary>
    public static readonly TimeSpan EffectiveAfter = TimeSpan.FromSeconds(5);

    /// <param name="applied">What is applied, by name.</param>
    public static IReadOnlyList<PolicyChange> Make(IReadOnlyDictionary<string, Policy> applied, IReadOnlyList<Policy> file, DateTimeOffset now) =>
        [.. file.Select(policy => Change(applied.GetValueOrDefault(policy.Name), policy, Micros(now)))];

    private static PolicyChange Change(Policy? before, Policy after, long nowMicros)
    {
        var differences = before is null ? [] : Differences(before, after);
        if (before is not null && differences.Count == 0)
            return new PolicyChange(PolicyChangeKind.Unchanged, before, [], Waits: false);
        var waits = before is null ? IsEnforcedHard(after) : IsTightened(before, after);
        // One that waits already goes on waiting, unless it is loosened.
        var isWaiting = before is not null && before.EffectiveAtMicros > nowMicros && before.Amount == after.Amount;
        after = after with
        {
            AppliedAtMicros = nowMicros,
            EffectiveAtMicros = waits ? nowMicros + (EffectiveAfter.Ticks / TimeSpan.TicksPerMicrosecond) : isWaiting ? before!.EffectiveAtMicros : nowMicros,
        };
        return new PolicyChange(before is null ? PolicyChangeKind.Added : PolicyChangeKind.Changed, after, differences, waits);
    }

    /// <summary>A hard limit holds for more requests than before, or for fewer tokens.</summary>
    private static bool IsTightened(Policy before, Policy after)
    {
        if (!IsEnforcedHard(after))
            return false;
        return !IsEnforcedHard(before)
            || after.Amount < before.Amount
            || after.SharePpm > before.SharePpm
            || (before.Unit, before.Per, before.TimeZone) != (after.Unit, after.Per, after.TimeZone)
            || PolicyText.Matches(before.Match) != PolicyText.Matches(after.Match)
            || IsExceptNarrower(before, after);
    }

    private static bool IsExceptNarrower(Policy before, Policy after) => before.Except.Any(match =>
        match.Values.Except(after.Except.Where(other => other.Dimension == match.Dimension).SelectMany(static other => other.Values), StringComparer.Ordinal).Any());

    private static bool IsEnforcedHard(Policy policy) => policy is { Hard: true, IsShadow: false };

    private static List<(string Field, string? Before, string? After)> Differences(Policy before, Policy after)
    {
        var (old, now) = (PolicyText.Fields(before), PolicyText.Fields(after));
        return [.. old.Select(static one => one.Field).Union(now.Select(static one => one.Field), StringComparer.Ordinal)
            .Select(field => (field, ValueOf(old, field), ValueOf(now, field)))
            .Where(static one => !string.Equals(one.Item2, one.Item3, StringComparison.Ordinal))];
    }

    private static string? ValueOf(IReadOnlyList<(string Field, string Value)> fields, string field) =>
        fields.Where(one => one.Field == field).Select(static one => one.Value).FirstOrDefault();

    private static long Micros(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
