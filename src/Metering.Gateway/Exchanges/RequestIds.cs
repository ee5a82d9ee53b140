using System.Globalization;
using System.Security.Cryptography;

namespace Metering.Gateway.Exchanges;

/// <summary>The gateway's own request ids: random for each start, then a counter, so that neighbours in the ledger share most of
/// their text. A client's id is none of them (R7).</summary>
internal sealed class RequestIds
{
    private readonly string _prefix = "req-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)) + "-";
    private long _last;

    public string Next() => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{Interlocked.Increment(ref _last)}");
}
