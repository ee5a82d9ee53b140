using System.Security.Cryptography;
using System.Text;

namespace Metering.LocalBroker.Wire;

/// <summary>How far a connection has come with SASL PLAIN. Without users every connection may do everything.</summary>
internal sealed class SaslState(IReadOnlyDictionary<string, string> users)
{
    public const string Mechanism = "PLAIN";

    private bool _authenticated;
    private bool _handshakeDone;

    public bool IsRequired => users.Count > 0;

    public bool IsAuthenticated => !IsRequired || _authenticated;

    /// <summary>The next frame is a bare token, without a header: after a handshake of version 0.</summary>
    public bool ExpectsToken { get; private set; }

    public bool Allows(ApiKey key) => IsAuthenticated || key is ApiKey.ApiVersions or ApiKey.SaslHandshake or ApiKey.SaslAuthenticate;

    public ErrorCode Handshake(string mechanism, bool bareToken)
    {
        if (!IsRequired)
            return ErrorCode.IllegalSaslState;
        if (mechanism != Mechanism)
            return ErrorCode.UnsupportedSaslMechanism;
        _handshakeDone = true;
        ExpectsToken = bareToken;
        return ErrorCode.None;
    }

    /// <param name="token">Authorization id, name and password, each behind a zero byte but the first.</param>
    public ErrorCode Authenticate(ReadOnlySpan<byte> token)
    {
        ExpectsToken = false;
        if (!IsRequired || !_handshakeDone)
            return ErrorCode.IllegalSaslState;
        _handshakeDone = false;
        _authenticated = IsRight(token);
        return _authenticated ? ErrorCode.None : ErrorCode.SaslAuthenticationFailed;
    }

    private bool IsRight(ReadOnlySpan<byte> token)
    {
        var nameStart = token.IndexOf((byte)0) + 1;
        if (nameStart == 0)
            return false;
        var nameLength = token[nameStart..].IndexOf((byte)0);
        if (nameLength < 0)
            return false;
        var authorizationId = token[..(nameStart - 1)];
        var name = token.Slice(nameStart, nameLength);
        if (!authorizationId.IsEmpty && !authorizationId.SequenceEqual(name))
            return false;
        return users.TryGetValue(Encoding.UTF8.GetString(name), out var password)
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(password), token[(nameStart + nameLength + 1)..]);
    }
}
