using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Meter;

/// <summary>METER's log lines: event ids 4000 to 4099.</summary>
internal static partial class MeterLog
{
    [LoggerMessage(4000, LogLevel.Warning, "The schema registry does not answer (asked for schema {SchemaId}); events of that schema wait")]
    public static partial void RegistryAway(ILogger logger, Exception error, int schemaId);

    [LoggerMessage(4001, LogLevel.Information, "Schema {SchemaId}: {Kind}")]
    public static partial void SchemaSettled(ILogger logger, int schemaId, string kind);

    [LoggerMessage(4002, LogLevel.Information, "Prices: {Models} models, read to the end")]
    public static partial void PricesLoaded(ILogger logger, int models);

    [LoggerMessage(4003, LogLevel.Warning, "A record of the topic prices cannot be read and is left out: {Reason}")]
    public static partial void BadPrice(ILogger logger, string reason);
}
