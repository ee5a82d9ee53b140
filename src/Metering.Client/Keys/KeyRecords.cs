using Metering.Core.Keys;
using Metering.Events;

namespace Metering.Client.Keys;

/// <summary>Between keys as code reads them and the records of the topic <c>keys</c> (<c>schemas/gateway-key.avsc</c>).</summary>
public static class KeyRecords
{
    /// <summary>The topic's record; its key is the key's id.</summary>
    public static GatewayKey ToRecord(ApiKey key) => new()
    {
        Id = key.Id,
        Tenant = key.Tenant,
        SecretHashes = [.. key.SecretHashes],
        Models = [.. key.Models],
        Blocked = key.IsBlocked,
        ExpiresAtMicros = key.ExpiresAtMicros,
        ChangedAtMicros = key.ChangedAtMicros,
    };

    /// <summary>The key of a record. Check it with <see cref="KeyRules.Check"/>: the topic may hold anything.</summary>
    public static ApiKey FromRecord(GatewayKey record) => new()
    {
        Id = record.Id,
        Tenant = record.Tenant,
        SecretHashes = [.. record.SecretHashes],
        Models = [.. record.Models],
        IsBlocked = record.Blocked,
        ExpiresAtMicros = record.ExpiresAtMicros,
        ChangedAtMicros = record.ChangedAtMicros,
    };
}
