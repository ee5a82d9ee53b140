using Metering.Events.Resolution;

namespace Metering.Pipeline.Meter;

public enum SchemaKind
{
    /// <summary>The reader's own: decode as it is.</summary>
    Same,

    /// <summary>Another version: rewrite by the plan, then decode.</summary>
    Resolved,

    /// <summary>Known to the registry, but no token event.</summary>
    Incompatible,

    /// <summary>The registry knows no such id.</summary>
    Unknown,
}

/// <summary>What is known of one writer's schema.</summary>
public sealed record SchemaEntry(SchemaKind Kind, ResolutionPlan? Plan, string? Error)
{
    public static readonly SchemaEntry Same = new(SchemaKind.Same, null, null);
    public static readonly SchemaEntry Unknown = new(SchemaKind.Unknown, null, null);

    public static SchemaEntry Resolved(ResolutionPlan plan) => new(SchemaKind.Resolved, plan, null);

    public static SchemaEntry Incompatible(string error) => new(SchemaKind.Incompatible, null, error);

    /// <summary>For the log.</summary>
    public string Describe() => Error is null ? Kind.ToString() : $"{Kind}: {Error}";
}
