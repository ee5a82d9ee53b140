using System.Collections.Concurrent;

namespace Metering.Gateway.Keys;

/// <summary>Keys given by code: a demo key, or a test's.</summary>
public sealed class InMemoryKeyDirectory : IKeyDirectory
{
    private readonly ConcurrentDictionary<KeyHash, ApiKey> _keys = new();

    public string? NotReady => null;

    /// <summary>Adds a key, or replaces the one with this secret.</summary>
    public void Set(string secret, ApiKey key) => _keys[KeyHash.Of(secret)] = key;

    /// <summary>Takes the key with this secret away.</summary>
    public void Remove(string secret) => _keys.TryRemove(KeyHash.Of(secret), out _);

    public ApiKey? Find(in KeyHash secret) => _keys.GetValueOrDefault(secret);
}
