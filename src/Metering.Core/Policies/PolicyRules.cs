using Metering.Core.Windows;

namespace Metering.Core.Policies;

/// <summary>What a policy must obey before it is applied, and before a matcher takes it.</summary>
public static class PolicyRules
{
    /// <summary>The longest name: it is a part of keys.</summary>
    public const int MaxNameLength = 100;

    /// <summary>The longest message to a client, in characters.</summary>
    public const int MaxMessageLength = 1_000;

    /// <summary>Why <c>downgrade</c> is not enforced.</summary>
    private const string NoDowngrade = "downgrade is decided in shadow only, until routing is there: give mode: shadow, or another action";

    /// <summary>Every broken rule as a sentence that names policy, field, value and fix; empty when there is none.</summary>
    public static IReadOnlyList<string> Check(Policy policy)
    {
        var errors = new RuleErrors(policy.Name);
        if (!IsName(policy.Name))
            errors.Add($"the name is no name; give 1 to {MaxNameLength} letters, digits, '.', '_' and '-'");
        PolicyMatchRules.Check(policy, errors);
        CheckLimit(policy, errors);
        CheckTimeZone(policy, errors);
        PolicyStepRules.Check(policy, errors);
        if (!policy.IsShadow && policy.Steps.Any(static step => step.Action == StepAction.Downgrade))
            errors.Add(NoDowngrade);
        if (!policy.Hard && policy.Steps.Count == 0)
            errors.Add("has no steps and its limit is not hard, so that nothing would ever happen; give steps, or hard: true");
        CheckShares(policy, errors);
        if (policy.Message.Length > MaxMessageLength || !Utf8Text.IsValid(policy.Message, 4 * MaxMessageLength) || policy.Message.Any(char.IsControl))
            errors.Add($"message has {policy.Message.Length} characters; give at most {MaxMessageLength}, on one line");
        return errors.All;
    }

    /// <summary>The zone in which the policy's windows begin.</summary>
    /// <exception cref="TimeZoneNotFoundException">This machine knows no such zone; <see cref="Check"/> says so before.</exception>
    public static TimeZoneInfo ZoneOf(Policy policy) => policy.TimeZone is { } name ? TimeZoneInfo.FindSystemTimeZoneById(name) : TimeZoneInfo.Utc;

    /// <summary>A policy's, or a key's id: what stands in keys of topics and on command lines without quotes.</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static void CheckLimit(Policy policy, RuleErrors errors)
    {
        if (!Enum.IsDefined(policy.Unit) || !Enum.IsDefined(policy.Per) || !Enum.IsDefined(policy.WhenControlIsLost))
        {
            errors.Add("has a unit, a period or a rule for lost control that this version does not know; run a newer one");
            return;
        }
        if (policy.Amount < 0)
            errors.Add($"its limit is {policy.Amount}; give 0 or more");
        if (policy.Unit == LimitUnit.Concurrent)
        {
            CheckConcurrent(policy, errors);
            return;
        }
        if (policy.Per == LimitPeriod.None)
            errors.Add("its limit has no period; give per: second, minute, hour, day, week or month");
        if (policy.Hard && policy.Rolling)
            errors.Add("hard and rolling do not go together: hard limits are for tokens, input_tokens, output_tokens, usd and requests in fixed windows; leave out one of them");
    }

    private static void CheckConcurrent(Policy policy, RuleErrors errors)
    {
        if (policy.Hard)
            errors.Add("hard and concurrent do not go together: hard limits are for tokens, input_tokens, output_tokens, usd and requests in fixed windows; leave out hard, and give steps");
        if (policy.Per != LimitPeriod.None)
            errors.Add("concurrent counts what is under way at one moment; leave out per");
        if (policy.Rolling)
            errors.Add("concurrent counts what is under way at one moment; leave out rolling");
    }

    private static void CheckTimeZone(Policy policy, RuleErrors errors)
    {
        if (policy.TimeZone is not { } name)
            return;
        if (policy.Rolling || policy.Per is not (LimitPeriod.Day or LimitPeriod.Week or LimitPeriod.Month))
            errors.Add("time_zone says where days, weeks and months begin, and this limit has no such windows; leave it out");
        else if (!TimeZoneInfo.TryFindSystemTimeZoneById(name, out _))
            errors.Add($"time_zone '{Quoted.Short(name)}' is not known here; give an IANA name, such as Europe/Berlin");
    }

    private static void CheckShares(Policy policy, RuleErrors errors)
    {
        if (policy.SharePpm is < 0 or > PolicyShare.Whole)
            errors.Add($"share is {policy.SharePpm} millionths; give 0 to 1");
        if (policy.SafeSharePpm is < 0 or > PolicyShare.Whole)
            errors.Add($"safe_share is {policy.SafeSharePpm} millionths; give 0 to 1");
        else if (policy.WhenControlIsLost == LostControl.SafeShare && policy.SafeSharePpm == 0)
            errors.Add("when_control_is_lost: safe_share needs a share; give safe_share: 0.1 or so, of the limit for each gateway");
        else if (policy.WhenControlIsLost != LostControl.SafeShare && policy.SafeSharePpm != 0)
            errors.Add("safe_share is for when_control_is_lost: safe_share only; give that, or leave safe_share out");
    }
}

/// <summary>Sentences about one policy.</summary>
internal sealed class RuleErrors(string policy)
{
    private readonly List<string> _all = [];

    public IReadOnlyList<string> All => _all;

    public void Add(string error) => _all.Add($"policy '{Quoted.Short(policy)}': {error}");
}

/// <summary>What others wrote, in a message.</summary>
internal static class Quoted
{
    private const int MaxLength = 60;

    public static string Short(string text) => text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength), "…");
}
