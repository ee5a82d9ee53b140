using System.Collections.Frozen;

namespace Metering.Core.Keys;

/// <summary>What a secret is good for.</summary>
public enum KeyVerdict
{
    /// <summary>No key has this secret.</summary>
    Unknown,

    Good,

    Blocked,

    Expired,
}

/// <summary>All keys at one moment of the topic <c>keys</c>. An immutable snapshot for readers on any thread; a change is a new
/// book.</summary>
public sealed class KeyBook
{
    /// <summary>A longer secret is nobody's; it is not hashed.</summary>
    public const int MaxSecretBytes = 512;

    private readonly FrozenDictionary<SecretHash, ApiKey> _bySecret;

    private KeyBook(ApiKey[] keys, Dictionary<SecretHash, ApiKey> bySecret) => (Keys, _bySecret) = (keys, bySecret.ToFrozenDictionary());

    /// <summary>Without keys: every request is refused.</summary>
    public static KeyBook Empty { get; } = new([], []);

    /// <summary>In the order of their ids.</summary>
    public IReadOnlyList<ApiKey> Keys { get; }

    /// <summary>Builds a book of keys that obey <see cref="KeyRules"/>. Of two keys with one secret the first by id has it.</summary>
    public static KeyBook Create(IEnumerable<ApiKey> keys)
    {
        ApiKey[] all = [.. keys.OrderBy(static key => key.Id, StringComparer.Ordinal)];
        var bySecret = new Dictionary<SecretHash, ApiKey>();
        foreach (var key in all)
        {
            foreach (var hex in key.SecretHashes)
            {
                if (SecretHash.TryParse(hex, out var hash))
                    bySecret.TryAdd(hash, key);
            }
        }
        return new KeyBook(all, bySecret);
    }

    /// <summary>Whose secret it is, and whether it is good now.</summary>
    /// <param name="secret">UTF-8, as the client sent it.</param>
    /// <param name="key">Null when the verdict is <see cref="KeyVerdict.Unknown"/>.</param>
    public KeyVerdict Find(ReadOnlySpan<byte> secret, DateTimeOffset now, out ApiKey? key)
    {
        key = null;
        if (secret.IsEmpty || secret.Length > MaxSecretBytes || !_bySecret.TryGetValue(SecretHash.Of(secret), out key))
            return KeyVerdict.Unknown;
        if (key.IsBlocked)
            return KeyVerdict.Blocked;
        return key.ExpiresAtMicros is { } expiresAt && (now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond >= expiresAt ? KeyVerdict.Expired : KeyVerdict.Good;
    }
}
