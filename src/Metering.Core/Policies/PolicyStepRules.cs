using System.Globalization;

namespace Metering.Core.Policies;

/// <summary>What a policy's steps must obey.</summary>
internal static class PolicyStepRules
{
    private const int MaxSteps = 16;

    /// <summary>A soft limit may be passed, tenfold at most for a step.</summary>
    private const int MaxAtPpm = 10 * PolicyShare.Whole;

    public static void Check(Policy policy, RuleErrors errors)
    {
        if (policy.Steps.Count > MaxSteps)
            errors.Add($"has {policy.Steps.Count} steps; {MaxSteps} are allowed");
        for (var i = 0; i < policy.Steps.Count; i++)
        {
            var step = policy.Steps[i];
            var where = string.Create(CultureInfo.InvariantCulture, $"step {i + 1} (at {ShareText(step.AtPpm)})");
            if (step.AtPpm is <= 0 or > MaxAtPpm)
                errors.Add($"{where}: at is out of range; give a share of the limit above 0, such as 0.8, and at most 10");
            else if (policy.Hard && step.AtPpm > PolicyShare.Whole)
                errors.Add($"{where}: a hard limit is never passed; give at most 1");
            if (i > 0 && step.AtPpm <= policy.Steps[i - 1].AtPpm)
                errors.Add($"{where}: is not above the step before it; give steps in ascending order, one for each share");
            CheckAction(where, step, errors);
        }
    }

    private static void CheckAction(string where, PolicyStep step, RuleErrors errors)
    {
        if (!Enum.IsDefined(step.Action))
        {
            errors.Add($"{where}: has an action that this version does not know; run a newer one");
            return;
        }
        var (name, takes) = step.Action switch
        {
            StepAction.Throttle => ("throttle", Parameters.TokensPerSecond | Parameters.BurstTokens),
            StepAction.CapOutput => ("cap_output", Parameters.MaxOutputTokens),
            StepAction.Downgrade => ("downgrade", Parameters.ToModel),
            StepAction.Deny => ("deny", Parameters.RetryAfterMs),
            _ => ("notify", Parameters.None),
        };
        foreach (var (parameter, field, value) in ParametersOf(step))
        {
            var isOptional = parameter is Parameters.BurstTokens or Parameters.RetryAfterMs;
            if (value is null && takes.HasFlag(parameter) && !isOptional)
                errors.Add($"{where}: {name} needs {field}; give it");
            else if (value is not null && !takes.HasFlag(parameter))
                errors.Add($"{where}: {name} takes no {field}; leave it out");
            else if (value is < 1)
                errors.Add($"{where}: {field} is {value.Value.ToString(CultureInfo.InvariantCulture)}; give 1 or more");
        }
        if (step.ToModel is { } model && !Utf8Text.IsValid(model, Pricing.PriceRules.MaxModelBytes))
            errors.Add($"{where}: to_model is no model's name; give one of at most {Pricing.PriceRules.MaxModelBytes} bytes");
    }

    // A text's value is its length: 0 is refused as a number below 1 is.
    private static (Parameters Parameter, string Field, long? Value)[] ParametersOf(PolicyStep step) =>
    [
        (Parameters.TokensPerSecond, "tokens_per_second", step.TokensPerSecond),
        (Parameters.BurstTokens, "burst_tokens", step.BurstTokens),
        (Parameters.MaxOutputTokens, "max_output_tokens", step.MaxOutputTokens),
        (Parameters.ToModel, "to_model", step.ToModel?.Length),
        (Parameters.RetryAfterMs, "retry_after_ms", step.RetryAfterMs),
    ];

    private static string ShareText(int ppm) => ((decimal)ppm / PolicyShare.Whole).ToString("0.######", CultureInfo.InvariantCulture);

    [Flags]
    private enum Parameters
    {
        None = 0,
        TokensPerSecond = 1,
        BurstTokens = 2,
        MaxOutputTokens = 4,
        ToModel = 8,
        RetryAfterMs = 16,
    }
}
