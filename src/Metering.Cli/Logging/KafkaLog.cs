using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Logging;

/// <summary>
/// librdkafka's log lines as ours: pass <see cref="Handle"/> to a client builder's SetLogHandler. A broker that is away
/// makes librdkafka complain several times a second, so a facility's complaint shows once in half a minute and the
/// others are Debug. Called on librdkafka's threads; thread-safe.
/// </summary>
public sealed partial class KafkaLog(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(30);
    private readonly Dictionary<string, long> _shownAt = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public void Handle(LogMessage message)
    {
        var level = (LogLevel)message.LevelAs(LogLevelType.MicrosoftExtensionsLogging);
        if (level >= LogLevel.Information && !IsDue(message.Facility))
            level = LogLevel.Debug;
        // Its info lines tell of the client's own life, which our log already does.
        else if (level == LogLevel.Information)
            level = LogLevel.Debug;
        else if (level > LogLevel.Warning && message.Facility is "FAIL" or "ERROR")
            // The client goes on trying: what cannot be mended comes as an error to the caller.
            level = LogLevel.Warning;
        ClientSays(logger, level, message.Name, message.Facility, message.Message);
    }

    private bool IsDue(string facility)
    {
        lock (_lock)
        {
            if (_shownAt.TryGetValue(facility, out var shownAt) && time.GetElapsedTime(shownAt) < Quiet)
                return false;
            _shownAt[facility] = time.GetTimestamp();
            return true;
        }
    }

    [LoggerMessage(EventId = 9001, Message = "{Client} {Facility}: {Text}")]
    private static partial void ClientSays(ILogger logger, LogLevel level, string client, string facility, string text);
}
