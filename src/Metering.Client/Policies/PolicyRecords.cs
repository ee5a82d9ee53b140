using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Events;
using Record = Metering.Events.Policy;

namespace Metering.Client.Policies;

/// <summary>Between policies as code reads them and the records of the topic <c>policies</c> (<c>schemas/policy.avsc</c>).</summary>
public static class PolicyRecords
{
    /// <summary>The topic's record; its key is the policy's name.</summary>
    public static Record ToRecord(Core.Policies.Policy policy) => new()
    {
        Name = policy.Name,
        Match = [.. policy.Match.Select(ToRecord)],
        Except = [.. policy.Except.Select(ToRecord)],
        Unit = (Events.LimitUnit)policy.Unit,
        Amount = policy.Amount,
        Per = (Events.LimitPeriod)policy.Per,
        Rolling = policy.Rolling,
        Hard = policy.Hard,
        TimeZone = policy.TimeZone,
        Steps = [.. policy.Steps.Select(ToRecord)],
        Mode = policy.IsShadow ? PolicyMode.Shadow : PolicyMode.Enforce,
        SharePpm = policy.SharePpm,
        WhenControlIsLost = (Events.LostControl)policy.WhenControlIsLost,
        SafeSharePpm = policy.SafeSharePpm,
        Message = policy.Message,
        AppliedAtMicros = policy.AppliedAtMicros,
        EffectiveAtMicros = policy.EffectiveAtMicros,
    };

    /// <summary>The policy of a record. Check it with <see cref="PolicyRules.Check"/>: the topic may hold anything.</summary>
    public static Core.Policies.Policy FromRecord(Record record) => new()
    {
        Name = record.Name,
        Match = [.. record.Match.Select(FromRecord)],
        Except = [.. record.Except.Select(FromRecord)],
        Unit = (Core.Policies.LimitUnit)record.Unit,
        Amount = record.Amount,
        Per = (Core.Windows.LimitPeriod)record.Per,
        Rolling = record.Rolling,
        Hard = record.Hard,
        TimeZone = record.TimeZone,
        Steps = [.. record.Steps.Select(FromRecord)],
        IsShadow = record.Mode == PolicyMode.Shadow,
        SharePpm = Ppm(record.SharePpm),
        WhenControlIsLost = (Core.Policies.LostControl)record.WhenControlIsLost,
        SafeSharePpm = Ppm(record.SafeSharePpm),
        Message = record.Message,
        AppliedAtMicros = record.AppliedAtMicros,
        EffectiveAtMicros = record.EffectiveAtMicros,
    };

    private static Events.PolicyMatch ToRecord(Core.Policies.PolicyMatch match) =>
        new() { Dimension = match.Dimension, Values = [.. match.Values], Each = match.Each };

    private static Core.Policies.PolicyMatch FromRecord(Events.PolicyMatch match) => new(match.Dimension, [.. match.Values], match.Each);

    private static Events.PolicyStep ToRecord(Core.Policies.PolicyStep step) => new()
    {
        AtPpm = step.AtPpm,
        Action = (Events.StepAction)step.Action,
        TokensPerSecond = step.TokensPerSecond,
        BurstTokens = step.BurstTokens,
        MaxOutputTokens = step.MaxOutputTokens,
        ToModel = step.ToModel,
        RetryAfterMs = step.RetryAfterMs,
    };

    private static Core.Policies.PolicyStep FromRecord(Events.PolicyStep step) => new(Ppm(step.AtPpm), (Core.Policies.StepAction)step.Action)
    {
        TokensPerSecond = step.TokensPerSecond,
        BurstTokens = step.BurstTokens,
        MaxOutputTokens = step.MaxOutputTokens,
        ToModel = step.ToModel,
        RetryAfterMs = step.RetryAfterMs,
    };

    // Out of any range stays out of it, and the rules refuse it.
    private static int Ppm(long ppm) => (int)Math.Clamp(ppm, int.MinValue, int.MaxValue);
}
