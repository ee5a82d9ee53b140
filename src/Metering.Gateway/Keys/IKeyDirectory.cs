namespace Metering.Gateway.Keys;

/// <summary>The API keys in force. It is asked at each request, so that a key which is blocked is refused at once. Thread-safe;
/// answers from memory.</summary>
public interface IKeyDirectory
{
    /// <summary>The key with this secret, blocked and expired ones included; null when there is none.</summary>
    ApiKey? Find(in KeyHash secret);

    /// <summary>Why no key can be found yet (the keys have not been read to their end), or null when they have been. While it is
    /// not null requests are answered 503.</summary>
    string? NotReady { get; }
}
