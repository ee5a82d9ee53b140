using System.Diagnostics.CodeAnalysis;

namespace Metering.Registry.Compatibility;

/// <summary>What a new version of a schema must be able to do with the data, and the readers, of earlier versions.</summary>
public enum CompatibilityLevel
{
    /// <summary>Nothing is checked.</summary>
    None,

    /// <summary>The new schema reads data written with the latest version. Readers are upgraded first.</summary>
    Backward,

    /// <summary>The new schema reads data written with every earlier version.</summary>
    BackwardTransitive,

    /// <summary>The latest version reads data written with the new schema. Writers are upgraded first.</summary>
    Forward,

    /// <summary>Every earlier version reads data written with the new schema.</summary>
    ForwardTransitive,

    /// <summary>Backward and forward, with the latest version.</summary>
    Full,

    /// <summary>Backward and forward, with every earlier version.</summary>
    FullTransitive,
}

/// <summary>The levels' names on the wire, such as <c>BACKWARD_TRANSITIVE</c>.</summary>
public static class CompatibilityLevels
{
    public static string ToWireName(this CompatibilityLevel level) => level switch
    {
        CompatibilityLevel.None => "NONE",
        CompatibilityLevel.Backward => "BACKWARD",
        CompatibilityLevel.BackwardTransitive => "BACKWARD_TRANSITIVE",
        CompatibilityLevel.Forward => "FORWARD",
        CompatibilityLevel.ForwardTransitive => "FORWARD_TRANSITIVE",
        CompatibilityLevel.Full => "FULL",
        CompatibilityLevel.FullTransitive => "FULL_TRANSITIVE",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "not a compatibility level"),
    };

    /// <summary>Any case is taken, as Confluent's registry does.</summary>
    public static bool TryParse([NotNullWhen(true)] string? wireName, out CompatibilityLevel level)
    {
        foreach (var candidate in Enum.GetValues<CompatibilityLevel>())
        {
            if (!string.Equals(candidate.ToWireName(), wireName, StringComparison.OrdinalIgnoreCase))
                continue;
            level = candidate;
            return true;
        }
        level = default;
        return false;
    }

    internal static bool IsTransitive(this CompatibilityLevel level) =>
        level is CompatibilityLevel.BackwardTransitive or CompatibilityLevel.ForwardTransitive or CompatibilityLevel.FullTransitive;

    internal static bool NewReadsOld(this CompatibilityLevel level) =>
        level is CompatibilityLevel.Backward or CompatibilityLevel.BackwardTransitive or CompatibilityLevel.Full or CompatibilityLevel.FullTransitive;

    internal static bool OldReadsNew(this CompatibilityLevel level) =>
        level is CompatibilityLevel.Forward or CompatibilityLevel.ForwardTransitive or CompatibilityLevel.Full or CompatibilityLevel.FullTransitive;
}
