using System.Net;

namespace Metering.Gateway.Hosting;

/// <summary>The gateway, or the mock model host, cannot listen where it was told to; the message names the fix.</summary>
public sealed class GatewayStartException(string flag, int port, IPAddress listen, Exception inner)
    : Exception(FormattableString.Invariant(
        $"{flag} {port} on {listen} cannot be listened on ({inner.Message}); stop the program that holds it, or take another port (0 = any free one)."), inner);
