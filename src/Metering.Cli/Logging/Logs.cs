using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;

namespace Metering.Cli.Logging;

/// <summary>Makes the process's log: to standard error, text for people or JSON lines (<c>--log-format json</c>).</summary>
internal static class Logs
{
    private const string Text = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Source}: {Message:lj}{NewLine}{Exception}";

    public static ILoggerFactory Create(OutputSettings settings, ApplicationStreams streams)
    {
        ITextFormatter formatter = settings.JsonLog
            ? new CompactJsonFormatter()
            : new MessageTemplateTextFormatter(Text, System.Globalization.CultureInfo.InvariantCulture);
        var level = Level(settings.LogLevel);
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Is(level)
            .Enrich.With(new ShortSource())
            .WriteTo.Sink(new WriterSink(formatter, streams.Error));
        // A host that cannot start throws what it logs: the command says it in a sentence.
        if (level is > LogEventLevel.Debug and < LogEventLevel.Fatal)
            configuration.MinimumLevel.Override("Microsoft.Extensions.Hosting.Internal.Host", LogEventLevel.Fatal);
        // Hosting and HTTP tell of every request and address, Streamiz of every step of its states; at debug they may.
        if (level == LogEventLevel.Information)
            configuration.MinimumLevel.Override("Microsoft", LogEventLevel.Warning).MinimumLevel.Override("Streamiz", LogEventLevel.Warning).MinimumLevel.Override("System", LogEventLevel.Warning);
        return new SerilogLoggerFactory(configuration.CreateLogger(), dispose: true);
    }

    private static LogEventLevel Level(LogLevel level) => level switch
    {
        LogLevel.Trace => LogEventLevel.Verbose,
        LogLevel.Debug => LogEventLevel.Debug,
        LogLevel.Information => LogEventLevel.Information,
        LogLevel.Warning => LogEventLevel.Warning,
        LogLevel.Error => LogEventLevel.Error,
        LogLevel.Critical => LogEventLevel.Fatal,
        // Serilog has no "none": one above its highest lets nothing through.
        _ => LogEventLevel.Fatal + 1,
    };

    /// <summary>The last word of the category: <c>MeterProcessor</c>.</summary>
    private sealed class ShortSource : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
        {
            if (logEvent.Properties.TryGetValue(Constants.SourceContextPropertyName, out var value)
                && value is ScalarValue { Value: string category })
                logEvent.AddPropertyIfAbsent(new LogEventProperty("Source", new ScalarValue(category[(category.LastIndexOf('.') + 1)..])));
        }
    }
}
