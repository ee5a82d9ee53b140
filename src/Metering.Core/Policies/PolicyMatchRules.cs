using System.Text;

namespace Metering.Core.Policies;

/// <summary>What match and except must obey.</summary>
internal static class PolicyMatchRules
{
    private const int MaxDimensions = 8;

    /// <summary>Of a whitelist, in bytes of UTF-8: with all else that a policy has, its record is far below 1 MB.</summary>
    private const int MaxExceptBytes = 256 << 10;

    public static void Check(Policy policy, RuleErrors errors)
    {
        var before = errors.All.Count;
        Check("match", policy.Match, errors);
        if (errors.All.Count == before && FixedBytes(policy.Match) is var bytes and > PolicyScopes.MaxFixedBytes)
            errors.Add($"match: its lists make a scope's name of {bytes} bytes; {PolicyScopes.MaxFixedBytes} are allowed: give those requests a tag, and match that");
        foreach (var match in policy.Except)
        {
            if (match.Each)
                errors.Add($"except: {match.Dimension}: each would let every request through; give the values that are let through");
        }
        Check("except", policy.Except, errors);
        if (policy.Except.Sum(static match => match.Values.Sum(Encoding.UTF8.GetByteCount)) is var exceptBytes and > MaxExceptBytes)
            errors.Add($"except has values of {exceptBytes} bytes; {MaxExceptBytes} are allowed: give those requests a tag, and let that through");
    }

    private static int FixedBytes(IReadOnlyList<PolicyMatch> match) => PolicyScopes.Shape(MatchCondition.Of(match)).FixedBytes;

    private static void Check(string field, IReadOnlyList<PolicyMatch> matches, RuleErrors errors)
    {
        if (matches.Count > MaxDimensions)
            errors.Add($"{field} has {matches.Count} dimensions; {MaxDimensions} are allowed");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var match in matches)
        {
            if (!seen.Add(match.Dimension))
                errors.Add($"{field}: {Quoted.Short(match.Dimension)} stands twice; put its values into one list");
            else if (PolicyDimension.Find(match.Dimension) is { } dimension)
                CheckValues(field, dimension, match, errors);
            else
                errors.Add($"{field}: '{Quoted.Short(match.Dimension)}' is no dimension; give tenant, key, model, route, pool or tag.NAME (a name of at most {PolicyDimension.MaxTagNameBytes} bytes)");
        }
    }

    private static void CheckValues(string field, PolicyDimension dimension, PolicyMatch match, RuleErrors errors)
    {
        var where = $"{field}: {Quoted.Short(dimension.Name)}";
        if (match.Each && match.Values.Count > 0)
            errors.Add($"{where} has values and each; give one of them");
        if (!match.Each && match.Values.Count == 0)
            errors.Add($"{where} has no value; give one, a list, or each");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var value in match.Values)
        {
            if (value.Length == 0)
                errors.Add($"{where} has an empty value; a request without {Quoted.Short(dimension.Name)} fits no match that names it");
            else if (!Utf8Text.IsValid(value, dimension.MaxValueBytes))
                errors.Add($"{where}: '{Quoted.Short(value)}' is no value; give valid Unicode of at most {dimension.MaxValueBytes} bytes");
            else if (!seen.Add(value))
                errors.Add($"{where}: '{Quoted.Short(value)}' stands twice; give it once");
        }
    }
}
