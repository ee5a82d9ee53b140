namespace Metering.LocalBroker.Wire;

/// <summary>Bytes that are no request that we take: the connection that sent them is closed, and nothing else happens.</summary>
internal sealed class MalformedRequestException(string message) : Exception(message);
