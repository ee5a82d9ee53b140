using System.CommandLine;
using System.Text.Json.Serialization;
using Metering.Cli.Chaos;
using Metering.Cli.Hosting;
using Metering.Cli.Replay;
using Metering.Cli.Settings;
using Metering.Client;

namespace Metering.Cli.Commands;

/// <summary>Publishes a trace as numbered token events. The same file and options are the same events again: duplicates,
/// by design.</summary>
public sealed class ReplayCommand : MeteringCommand
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    private readonly Argument<string> _file = new("file") { Description = "Azure CSV, Mooncake JSONL, ServeGen directory or our own JSONL, also .gz; - is standard input." };
    private readonly Option<string?> _source = new("--source") { Description = "The source's id. [default: the file's name]", HelpName = "ID" };
    private readonly Option<long?> _epoch = new("--epoch") { Description = "[default: a hash of the file and of the options that shape its events]", HelpName = "N" };
    private readonly Option<string> _tenant = new("--tenant") { Description = "Where the trace names none.", HelpName = "NAME", DefaultValueFactory = static _ => new TraceOptions().Tenant };
    private readonly Option<string> _model = new("--model") { Description = "Where the trace names none.", HelpName = "NAME", DefaultValueFactory = static _ => new TraceOptions().Model };
    private readonly Option<string> _route = new("--route") { Description = "Where the trace names none.", HelpName = "NAME", DefaultValueFactory = static _ => new TraceOptions().Route };
    private readonly Option<int?> _tenants = new("--tenants") { Description = "Spreads the requests over N tenants, sizes by a Zipf law.", HelpName = "N" };
    private readonly Option<string> _speed = new("--speed") { Description = "Times the trace's own pace, or max.", HelpName = "FACTOR", DefaultValueFactory = static _ => "1" };
    private readonly Option<string> _eventTime = new("--event-time") { Description = "now (the moment of publication) or trace.", HelpName = "WHICH", DefaultValueFactory = static _ => "now" };
    private readonly Option<string> _timeout = new("--timeout") { Description = "How long the broker may be away.", HelpName = "DURATION", DefaultValueFactory = static _ => "5m" };
    private readonly Option<long?> _limit = new("--limit") { Description = "Stops after N events.", HelpName = "N" };

    public ReplayCommand()
        : base("replay", "Publish a trace as token events.",
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl, KnownSettings.Data)
    {
        Arguments.Add(_file);
        foreach (var option in (Option[])[_source, _epoch, _tenant, _model, _route, _tenants, _speed, _eventTime, _timeout, _limit])
            Options.Add(option);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var started = context.Time.GetTimestamp();
        var timeout = TimeoutOf(context);
        var pacer = new ReplayPacer(SpeedOf(context), context.Time);
        using var reader = OpenTrace(context);
        await using var publisher = await StartAsync(context, reader);
        await PublishAsync(context, reader, publisher, pacer, timeout, cancellationToken);
        if (!await publisher.FlushAsync(timeout, cancellationToken))
            throw Unreachable(context, publisher);
        var totals = reader.Totals;
        context.Output.Line(
            new ReplayLine(totals.Events, totals.InputTokens, totals.OutputTokens, publisher.Stats.SpooledEvents, decimal.Round((decimal)context.Time.GetElapsedTime(started).Ticks / TimeSpan.TicksPerSecond, 3)),
            CommandJson.Default.ReplayLine,
            static line => $"published {line.Published:N0} events: {line.InputTokens:N0} input and {line.OutputTokens:N0} output tokens in {line.Seconds:N1} s");
        return ExitCodes.Done;
    }

    private static async Task PublishAsync(CommandContext context, TraceReader reader, TokenEventPublisher publisher, ReplayPacer pacer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        while (Next(reader, out var next))
        {
            await pacer.WaitAsync(next.OffsetMicros, cancellationToken);
            var result = publisher.Publish(next.Event);
            for (var waited = context.Time.GetTimestamp(); result.Status == PublishStatus.SpoolFull; result = publisher.Publish(next.Event))
            {
                if (context.Time.GetElapsedTime(waited) > timeout)
                    throw Unreachable(context, publisher);
                await Task.Delay(LookEvery, context.Time, cancellationToken);
            }
            if (!result.Accepted)
                throw new CommandFailedException($"event {next.Event.Sequence} was not taken: {result.Reason}");
        }
    }

    private static bool Next(TraceReader reader, out TraceEvent next)
    {
        try
        {
            return reader.TryRead(out next);
        }
        catch (TraceException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private TraceReader OpenTrace(CommandContext context)
    {
        var parsed = context.Parsed;
        var eventTime = parsed.GetRequiredValue(_eventTime) switch
        {
            "now" => ReplayEventTime.Now,
            "trace" => ReplayEventTime.Trace,
            var other => throw new WrongUsageException($"--event-time \"{other}\" is not known; write now or trace."),
        };
        try
        {
            return TraceReader.Open(parsed.GetRequiredValue(_file), new TraceOptions
            {
                Source = parsed.GetValue(_source),
                Epoch = parsed.GetValue(_epoch),
                Tenant = parsed.GetRequiredValue(_tenant),
                Model = parsed.GetRequiredValue(_model),
                Route = parsed.GetRequiredValue(_route),
                Tenants = parsed.GetValue(_tenants),
                EventTime = eventTime,
                Limit = parsed.GetValue(_limit),
            });
        }
        catch (ArgumentException error)
        {
            throw new WrongUsageException(error.Message);
        }
        catch (Exception error) when (error is TraceException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private static async Task<TokenEventPublisher> StartAsync(CommandContext context, TraceReader reader)
    {
        var settings = context.Settings;
        try
        {
            return await TokenEventPublisher.StartAsync(new PublisherOptions
            {
                Brokers = settings.BrokersOrLocal,
                Registry = Connections.WithSecrets(settings.RegistryOrLocal),
                Source = reader.Source,
                Epoch = reader.Epoch,
                TopicPrefix = settings.Kafka.TopicPrefix,
                DataFolder = settings.Run.DataDirectory,
                KafkaConfig = settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
            }, context.Loggers, context.Time);
        }
        catch (IOException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private TimeSpan TimeoutOf(CommandContext context) =>
        Durations.TryParse(context.Parsed.GetRequiredValue(_timeout), out var timeout) ? timeout : throw new WrongUsageException($"--timeout \"{context.Parsed.GetRequiredValue(_timeout)}\" is no duration; write 30s or 5m.");

    private ReplaySpeed SpeedOf(CommandContext context)
    {
        try
        {
            return ReplaySpeed.Parse(context.Parsed.GetRequiredValue(_speed));
        }
        catch (FormatException error)
        {
            throw new WrongUsageException(error.Message);
        }
    }

    private static ServiceUnreachableException Unreachable(CommandContext context, TokenEventPublisher publisher) =>
        new("Kafka", context.Settings.BrokersOrLocal, publisher.Stats.Trouble ?? "it acknowledges nothing",
            $"{publisher.Stats.SpooledEvents} events wait in the spool and go out at the next start; check --brokers and --registry, or wait longer by --timeout");
}

/// <summary>The last line of <c>replay</c>.</summary>
internal sealed record ReplayLine(long Published, long InputTokens, long OutputTokens, long Spooled, decimal Seconds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReplayLine))]
[JsonSerializable(typeof(VerifyLine))]
[JsonSerializable(typeof(VerifyTotals))]
[JsonSerializable(typeof(ChaosRoundLine))]
[JsonSerializable(typeof(ChaosLine))]
[JsonSerializable(typeof(FuzzLine))]
internal sealed partial class CommandJson : JsonSerializerContext;
