using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Cli.Policies;

/// <summary>The words of a file of policies. <c>infra/policies/policy.schema.json</c> has the same; a test holds them together.</summary>
internal static class PolicyFields
{
    public const string Policies = "policies";
    public const string Name = "name", Match = "match", Except = "except", Limit = "limit", Steps = "steps", Mode = "mode", Share = "share";
    public const string WhenControlIsLost = "when_control_is_lost", SafeShare = "safe_share", TimeZone = "time_zone", Message = "message";
    public const string Per = "per", Hard = "hard", Rolling = "rolling";
    public const string At = "at", Action = "action", TokensPerSecond = "tokens_per_second", BurstTokens = "burst_tokens";
    public const string MaxOutputTokens = "max_output_tokens", ToModel = "to_model", RetryAfterMs = "retry_after_ms";
    public const string Each = "each";

    public static readonly string[] OfFile = [Policies];

    public static readonly string[] OfPolicy = [Name, Match, Except, Limit, Steps, Mode, Share, WhenControlIsLost, SafeShare, TimeZone, Message];

    public static readonly Dictionary<string, LimitUnit> Units = Enum.GetValues<LimitUnit>().ToDictionary(static unit => unit.NameOf(), StringComparer.Ordinal);

    public static readonly Dictionary<string, LimitPeriod> Periods =
        Enum.GetValues<LimitPeriod>().Where(static per => per != LimitPeriod.None).ToDictionary(static per => per.NameOf(), StringComparer.Ordinal);

    public static readonly string[] OfLimit = [.. Units.Keys, Per, Hard, Rolling, TimeZone];

    public static readonly string[] OfStep = [At, Action, TokensPerSecond, BurstTokens, MaxOutputTokens, ToModel, RetryAfterMs];

    public static readonly Dictionary<string, StepAction> Actions = new(StringComparer.Ordinal)
    {
        ["notify"] = StepAction.Notify,
        ["throttle"] = StepAction.Throttle,
        ["cap_output"] = StepAction.CapOutput,
        ["downgrade"] = StepAction.Downgrade,
        ["deny"] = StepAction.Deny,
    };

    /// <summary>True: in shadow.</summary>
    public static readonly Dictionary<string, bool> Modes = new(StringComparer.Ordinal) { ["enforce"] = false, ["shadow"] = true };

    public static readonly Dictionary<string, LostControl> LostControls = new(StringComparer.Ordinal)
    {
        ["hold"] = LostControl.Hold,
        ["safe_share"] = LostControl.SafeShare,
        ["open"] = LostControl.Open,
        ["closed"] = LostControl.Closed,
    };

    /// <summary>The word of a value.</summary>
    public static string WordOf<T>(this Dictionary<string, T> words, T value) =>
        words.First(pair => EqualityComparer<T>.Default.Equals(pair.Value, value)).Key;
}
