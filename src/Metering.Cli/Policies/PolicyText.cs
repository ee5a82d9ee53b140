using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Policies;

/// <summary>A policy as a file would have it, each field in the one way in which it is compared and shown.</summary>
internal static partial class PolicyText
{
    private const decimal PicoPerUsd = 1_000_000_000_000m;

    // Read as something else than a text, or as nothing.
    private static readonly string[] NotTexts = ["true", "false", "null", "Null", "NULL"];

    /// <summary>The fields but the name, with their values; what is left out stands as its default does.</summary>
    public static IReadOnlyList<(string Field, string Value)> Fields(Policy policy)
    {
        var fields = new List<(string, string)>();
        if (policy.Match.Count > 0)
            fields.Add((PolicyFields.Match, Matches(policy.Match)));
        if (policy.Except.Count > 0)
            fields.Add((PolicyFields.Except, Matches(policy.Except)));
        fields.Add((PolicyFields.Limit, Limit(policy)));
        if (policy.Steps.Count > 0)
            fields.Add((PolicyFields.Steps, $"[{string.Join(", ", policy.Steps.Select(Step))}]"));
        fields.Add((PolicyFields.Mode, PolicyFields.Modes.WordOf(policy.IsShadow)));
        if (policy.SharePpm != PolicyShare.Whole)
            fields.Add((PolicyFields.Share, Share(policy.SharePpm)));
        fields.Add((PolicyFields.WhenControlIsLost, PolicyFields.LostControls.WordOf(policy.WhenControlIsLost)));
        if (policy.SafeSharePpm != 0)
            fields.Add((PolicyFields.SafeShare, Share(policy.SafeSharePpm)));
        if (policy.Message.Length > 0)
            fields.Add((PolicyFields.Message, Quote(policy.Message)));
        return fields;
    }

    /// <summary>A file of one policy.</summary>
    public static string File(Policy policy)
    {
        var text = new StringBuilder($"{PolicyFields.Policies}:\n  - {PolicyFields.Name}: {Scalar(policy.Name)}");
        foreach (var (field, value) in Fields(policy))
            text.Append(CultureInfo.InvariantCulture, $"\n    {field}: {value}");
        return text.ToString();
    }

    /// <summary>The limit in words: <c>1000 tokens per minute, hard</c>.</summary>
    public static string LimitInWords(Policy policy)
    {
        var amount = policy.Unit == LimitUnit.Usd ? Usd(policy.Amount) : policy.Amount.ToString("#,0", CultureInfo.InvariantCulture);
        var period = policy.Per == LimitPeriod.None ? "" : $" per {PolicyFields.Periods.WordOf(policy.Per)}";
        return $"{amount} {PolicyFields.Units.WordOf(policy.Unit)}{period}{(policy.Rolling ? ", rolling" : "")}{(policy.Hard ? ", hard" : "")}";
    }

    private static string Limit(Policy policy)
    {
        var text = new StringBuilder("{ ");
        text.Append(CultureInfo.InvariantCulture, $"{PolicyFields.Units.WordOf(policy.Unit)}: {(policy.Unit == LimitUnit.Usd ? Usd(policy.Amount) : policy.Amount)}");
        if (policy.Per != LimitPeriod.None)
            text.Append(CultureInfo.InvariantCulture, $", {PolicyFields.Per}: {PolicyFields.Periods.WordOf(policy.Per)}");
        if (policy.Hard)
            text.Append(CultureInfo.InvariantCulture, $", {PolicyFields.Hard}: true");
        if (policy.Rolling)
            text.Append(CultureInfo.InvariantCulture, $", {PolicyFields.Rolling}: true");
        if (policy.TimeZone is { } zone)
            text.Append(CultureInfo.InvariantCulture, $", {PolicyFields.TimeZone}: {Scalar(zone)}");
        return text.Append(" }").ToString();
    }

    private static string Step(PolicyStep step)
    {
        var text = new StringBuilder($"{{ {PolicyFields.At}: {Share(step.AtPpm)}, {PolicyFields.Action}: {PolicyFields.Actions.WordOf(step.Action)}");
        Add(PolicyFields.TokensPerSecond, step.TokensPerSecond);
        Add(PolicyFields.BurstTokens, step.BurstTokens);
        Add(PolicyFields.MaxOutputTokens, step.MaxOutputTokens);
        if (step.ToModel is { } model)
            text.Append(CultureInfo.InvariantCulture, $", {PolicyFields.ToModel}: {Scalar(model)}");
        Add(PolicyFields.RetryAfterMs, step.RetryAfterMs);
        return text.Append(" }").ToString();

        void Add(string field, long? value)
        {
            if (value is { } number)
                text.Append(CultureInfo.InvariantCulture, $", {field}: {number}");
        }
    }

    // In the order in which a scope names them, so that another order in the file is no change.
    public static string Matches(IReadOnlyList<PolicyMatch> matches) => "{ " + string.Join(", ", matches
        .OrderBy(static match => Array.IndexOf([.. PolicyDimension.Names], match.Dimension) is var at and >= 0 ? at : int.MaxValue)
        .ThenBy(static match => match.Dimension, StringComparer.Ordinal)
        .Select(static match => $"{Scalar(match.Dimension)}: {Values(match)}")) + " }";

    private static string Values(PolicyMatch match) => match switch
    {
        { Each: true } => PolicyFields.Each,
        { Values: [var one and not PolicyFields.Each] } => Scalar(one),
        _ => $"[{string.Join(", ", match.Values.Order(StringComparer.Ordinal).Select(Scalar))}]",
    };

    private static string Usd(long picoUsd) => (picoUsd / PicoPerUsd).ToString("0.############", CultureInfo.InvariantCulture);

    private static string Share(int ppm) => ((decimal)ppm / PolicyShare.Whole).ToString("0.######", CultureInfo.InvariantCulture);

    private static string Scalar(string text) => Plain().IsMatch(text) && !NotTexts.Contains(text, StringComparer.Ordinal) ? text : Quote(text);

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\')
                quoted.Append('\\').Append(c);
            else if (char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF')
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_./@+-]*\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Plain();
}
