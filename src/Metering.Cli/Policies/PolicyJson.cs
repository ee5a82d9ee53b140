using System.Text.Json.Nodes;
using Metering.Cli.Operators;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Policies;

/// <summary>A policy as programs read it: the file's fields, and when it was applied and is in force.</summary>
internal static class PolicyJson
{
    private const decimal PicoPerUsd = 1_000_000_000_000m;

    public static JsonObject Of(Policy policy)
    {
        var json = new JsonObject { [PolicyFields.Name] = policy.Name, ["scope"] = PolicyScopes.Describe(policy.Match) };
        if (policy.Match.Count > 0)
            json[PolicyFields.Match] = Matches(policy.Match);
        if (policy.Except.Count > 0)
            json[PolicyFields.Except] = Matches(policy.Except);
        json[PolicyFields.Limit] = Limit(policy);
        if (policy.Steps.Count > 0)
            json[PolicyFields.Steps] = new JsonArray([.. policy.Steps.Select(Step)]);
        json[PolicyFields.Mode] = PolicyFields.Modes.WordOf(policy.IsShadow);
        json[PolicyFields.Share] = Share(policy.SharePpm);
        json[PolicyFields.WhenControlIsLost] = PolicyFields.LostControls.WordOf(policy.WhenControlIsLost);
        if (policy.SafeSharePpm != 0)
            json[PolicyFields.SafeShare] = Share(policy.SafeSharePpm);
        if (policy.Message.Length > 0)
            json[PolicyFields.Message] = policy.Message;
        json["applied_at"] = Moments.Text(policy.AppliedAtMicros);
        json["effective_at"] = Moments.Text(policy.EffectiveAtMicros);
        return json;
    }

    private static JsonObject Limit(Policy policy)
    {
        var limit = new JsonObject { [PolicyFields.Units.WordOf(policy.Unit)] = policy.Unit == LimitUnit.Usd ? JsonValue.Create(policy.Amount / PicoPerUsd) : JsonValue.Create(policy.Amount) };
        if (policy.Per != LimitPeriod.None)
            limit[PolicyFields.Per] = PolicyFields.Periods.WordOf(policy.Per);
        if (policy.Hard)
            limit[PolicyFields.Hard] = true;
        if (policy.Rolling)
            limit[PolicyFields.Rolling] = true;
        if (policy.TimeZone is { } zone)
            limit[PolicyFields.TimeZone] = zone;
        return limit;
    }

    private static JsonObject Step(PolicyStep step)
    {
        var json = new JsonObject { [PolicyFields.At] = Share(step.AtPpm), [PolicyFields.Action] = PolicyFields.Actions.WordOf(step.Action) };
        foreach (var (field, value) in new[] { (PolicyFields.TokensPerSecond, step.TokensPerSecond), (PolicyFields.BurstTokens, step.BurstTokens), (PolicyFields.MaxOutputTokens, step.MaxOutputTokens), (PolicyFields.RetryAfterMs, step.RetryAfterMs) })
        {
            if (value is { } number)
                json[field] = number;
        }
        if (step.ToModel is { } model)
            json[PolicyFields.ToModel] = model;
        return json;
    }

    private static JsonObject Matches(IReadOnlyList<PolicyMatch> matches)
    {
        var json = new JsonObject();
        foreach (var match in matches)
        {
            json[match.Dimension] = match switch
            {
                { Each: true } => JsonValue.Create(PolicyFields.Each),
                { Values: [var one and not PolicyFields.Each] } => JsonValue.Create(one),
                _ => new JsonArray([.. match.Values.Select(static value => (JsonNode)JsonValue.Create(value))]),
            };
        }
        return json;
    }

    private static decimal Share(int ppm) => (decimal)ppm / PolicyShare.Whole;
}
