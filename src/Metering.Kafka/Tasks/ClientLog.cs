using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>librdkafka's own log lines in ours.</summary>
internal static partial class ClientLog
{
    public static void Write(ILogger logger, LogMessage message)
    {
        // What librdkafka calls an error it mostly mends by itself: what it does not mend comes to us as an exception.
        var level = message.Level <= SyslogLevel.Critical ? LogLevel.Error : message.Level <= SyslogLevel.Warning ? LogLevel.Warning : LogLevel.Debug;
        LogClient(logger, level, message.Name, message.Message);
    }

    public static void Write(ILogger logger, Error error) => LogError(logger, error.IsFatal ? LogLevel.Error : LogLevel.Debug, error.Code, error.Reason);

    [LoggerMessage(EventId = 2301, Message = "{Client}: {Text}")]
    private static partial void LogClient(ILogger logger, LogLevel level, string client, string text);

    [LoggerMessage(EventId = 2302, Message = "Kafka client error {Code}: {Reason}")]
    private static partial void LogError(ILogger logger, LogLevel level, ErrorCode code, string reason);
}
