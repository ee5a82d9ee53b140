using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Meter;

/// <summary>METER's log lines: event ids 5000 to 5099.</summary>
internal static partial class MeterLog
{
    [LoggerMessage(5000, LogLevel.Warning, "The schema registry does not answer (asked for schema {SchemaId}); events of that schema wait")]
    public static partial void RegistryAway(ILogger logger, Exception error, int schemaId);

    [LoggerMessage(5001, LogLevel.Information, "Schema {SchemaId}: {Kind}")]
    public static partial void SchemaSettled(ILogger logger, int schemaId, string kind);

    [LoggerMessage(5002, LogLevel.Information, "Prices: {Models} models, read to the end")]
    public static partial void PricesLoaded(ILogger logger, int models);

    [LoggerMessage(5003, LogLevel.Warning, "A record of the topic prices cannot be read and is left out: {Reason}")]
    public static partial void BadPrice(ILogger logger, string reason);
}
