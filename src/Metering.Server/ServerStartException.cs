namespace Metering.Server;

/// <summary>The server cannot listen where it was told to; the message names the fix.</summary>
public sealed class ServerStartException(ServerOptions options, Exception inner)
    : Exception(FormattableString.Invariant(
        $"--server-port {options.Port} on {options.Listen} cannot be listened on ({inner.Message}); stop the program that holds it, or take another port (0 = any free one)."), inner);
