using System.Text.Json;
using Confluent.Kafka;
using Metering.Cli.Commands;
using Metering.Cli.Logging;
using Metering.Cli.Settings;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Cli.Tests.Output;

public sealed class LogsTests
{
    private readonly StringWriter _error = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Text_log_goes_to_standard_error_at_the_level_asked_for()
    {
        using (var loggers = Create(new OutputSettings { LogLevel = LogLevel.Warning }))
        {
            var log = loggers.CreateLogger("Metering.Pipeline.Meter.MeterStage");
#pragma warning disable CA1848, CA2254 // The log itself is what is tested.
            log.LogInformation("quiet");
            log.LogWarning("lag {Lag}", 7);
#pragma warning restore CA1848, CA2254
        }

        var line = Assert.Single(Lines());
        Assert.EndsWith(" WRN MeterStage: lag 7", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_log_is_one_object_a_line_with_the_exception_in_it()
    {
        using (var loggers = Create(new OutputSettings { JsonLog = true }))
        {
#pragma warning disable CA1848, CA2254
            loggers.CreateLogger("a.B").LogError(new InvalidOperationException("two\nlines"), "failed {What}", "x\ny");
#pragma warning restore CA1848, CA2254
        }

        using var line = JsonDocument.Parse(Assert.Single(Lines()));
        Assert.Equal("x\ny", line.RootElement.GetProperty("What").GetString());
        Assert.Contains("two\nlines", line.RootElement.GetProperty("@x").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void None_logs_nothing()
    {
        using (var loggers = Create(new OutputSettings { LogLevel = LogLevel.None }))
        {
#pragma warning disable CA1848, CA2254
            loggers.CreateLogger("a").LogCritical("loud");
#pragma warning restore CA1848, CA2254
        }

        Assert.Empty(Lines());
    }

    [Fact]
    public void Kafka_complaint_shows_as_a_warning_once_in_half_a_minute()
    {
        using (var loggers = Create(new OutputSettings()))
        {
            var log = new KafkaLog(loggers.CreateLogger("kafka"), _time);
            for (var second = 0; second < 60; second++)
            {
                log.Handle(new LogMessage("rdkafka#1", SyslogLevel.Error, "FAIL", "Connection refused"));
                _time.Advance(TimeSpan.FromSeconds(1));
            }
            log.Handle(new LogMessage("rdkafka#1", SyslogLevel.Info, "INIT", "started"));
            log.Handle(new LogMessage("rdkafka#1", SyslogLevel.Emergency, "FATAL", "fenced"));
        }

        var lines = Lines();
        Assert.Equal(3, lines.Length);
        Assert.EndsWith(" WRN kafka: rdkafka#1 FAIL: Connection refused", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(" FTL kafka: rdkafka#1 FATAL: fenced", lines[2], StringComparison.Ordinal);
    }

    private ILoggerFactory Create(OutputSettings settings) => Logs.Create(settings, new ApplicationStreams
    {
        OutBytes = Stream.Null,
        Out = TextWriter.Null,
        Error = _error,
        Environment = new Dictionary<string, string>(StringComparer.Ordinal),
    });

    private string[] Lines() => _error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
