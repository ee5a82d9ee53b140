using System.Net;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Wire;

/// <summary>Events 7000-7099. What a client does to its own connection is Debug: it cannot fill the log.</summary>
internal static partial class WireLog
{
    [LoggerMessage(7000, LogLevel.Information, "Local broker on {Endpoint}, data in {Directory}, acknowledged = {Durability}. One node: it never replicates and never clusters; fleets run on Kafka")]
    public static partial void Started(ILogger logger, IPEndPoint endpoint, string directory, Durability durability);

    [LoggerMessage(7001, LogLevel.Information, "Local broker on {Endpoint} stopped")]
    public static partial void Stopped(ILogger logger, IPEndPoint endpoint);

    [LoggerMessage(7002, LogLevel.Warning, "Local broker has {Count} connections and takes no more: {Client} was turned away")]
    public static partial void TooManyConnections(ILogger logger, int count, EndPoint? client);

    [LoggerMessage(7003, LogLevel.Warning, "Local broker could not accept a connection: {Reason}")]
    public static partial void AcceptFailed(ILogger logger, string reason);

    [LoggerMessage(7004, LogLevel.Error, "{Call} v{Version} from {Client} failed: its connection is closed")]
    public static partial void CallFailed(ILogger logger, ApiKey call, short version, string client, Exception defect);

    [LoggerMessage(7010, LogLevel.Debug, "Connection of {Client} closed: {Reason}")]
    public static partial void Malformed(ILogger logger, string client, string reason);

    [LoggerMessage(7011, LogLevel.Debug, "Connection of {Client} ended: {Reason}")]
    public static partial void Gone(ILogger logger, string client, string reason);
}
