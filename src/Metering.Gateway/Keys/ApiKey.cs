using System.Collections.Frozen;

namespace Metering.Gateway.Keys;

/// <summary>An API key as the gateway knows it.</summary>
public sealed record ApiKey
{
    /// <summary>What events and policies call it; never the secret. At most 512 bytes of UTF-8.</summary>
    public required string Id { get; init; }

    /// <summary>Who pays. At most 512 bytes of UTF-8.</summary>
    public required string Tenant { get; init; }

    /// <summary>The models that it may ask for; null (the default) = all.</summary>
    public FrozenSet<string>? Models { get; init; }

    /// <summary>Refused with 403. Default false.</summary>
    public bool IsBlocked { get; init; }

    /// <summary>From then on refused with 401; null (the default) = never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether it may ask for a model.</summary>
    public bool Allows(string model) => Models is null || Models.Contains(model);
}
