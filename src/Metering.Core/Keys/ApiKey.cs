namespace Metering.Core.Keys;

/// <summary>An API key of the gateways, without its secret.</summary>
public sealed record ApiKey
{
    /// <summary>What events and policies call it.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Tenant { get; init; }

    /// <summary>Of each secret in force, <see cref="SecretHash"/> in lower-case hex, the newest first: two while a rotation lasts.</summary>
    public required IReadOnlyList<string> SecretHashes { get; init; }

    /// <summary>Those that it may ask for; none = all.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    public bool IsBlocked { get; init; }

    /// <summary>From when on it is refused, Unix µs; null = never.</summary>
    public long? ExpiresAtMicros { get; init; }

    /// <summary>Unix µs.</summary>
    public long ChangedAtMicros { get; init; }
}
