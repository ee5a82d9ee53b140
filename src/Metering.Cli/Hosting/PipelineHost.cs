using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;
using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Sink;
using Metering.Streamiz;
using Microsoft.Extensions.Logging;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Cli.Hosting;

/// <summary>
/// METER and SINK in one process, wired to Kafka, the registry and the ledger. Starting goes step by step and waits for
/// each service; running goes on until it is stopped, or until something impossible happens.
/// </summary>
internal sealed class PipelineHost : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];

    public required KafkaSettings Kafka { get; init; }

    public required ILedger Ledger { get; init; }

    public required MeterContext Meter { get; init; }

    public required IStageHost MeterStage { get; init; }

    public required SinkStage SinkStage { get; init; }

    public required ReportTopic Reports { get; init; }

    public required LedgerOrigin Origin { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Ends when one of the parts has failed; the process should then stop.</summary>
    public Task Failed { get; private set; } = Task.CompletedTask;

    public static async Task<PipelineHost> StartAsync(
        MeteringSettings settings, KafkaSettings kafka, RegistryConnection registry, ILedger ledger, bool adopt, ServiceWait wait, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        var topics = await TopicSetup.EnsureAsync(kafka, new TopicSetupOptions { Partitions = settings.Kafka.Partitions, Replication = settings.Kafka.Replication }, loggers.CreateLogger("Topics"), time, cancellationToken);
        var schemaIds = await RegisterAsync(kafka, registry, wait, cancellationToken);
        var origin = await PrepareLedgerAsync(adopt, kafka, topics, ledger, wait, time, cancellationToken);

        var schemas = new SchemaBook(registry, time, loggers.CreateLogger<SchemaBook>());
        var meter = new MeterContext { Partitions = topics.Partitions, Schemas = schemas, DeadLetterSchemaId = schemaIds[TopicCatalogue.DeadLetters], UsageDeltaSchemaId = schemaIds[TopicCatalogue.UsageDeltas], SignalSchemaId = schemaIds[TopicCatalogue.Signals], LossGrace = settings.Run.LossGrace, TopicPrefix = kafka.TopicPrefix };
        var host = new PipelineHost
        {
            Kafka = kafka,
            Ledger = ledger,
            Meter = meter,
            Origin = origin,
            Time = time,
            Reports = new ReportTopic(kafka, registry, meter.Reports, loggers, time),
            SinkStage = new SinkStage(kafka, origin, new SinkOptions { SessionTimeout = kafka.SessionTimeout }, ledger, time, loggers.CreateLogger<SinkStage>()),
            MeterStage = HostOf(settings.Run.MeterHost, kafka, new TaskOptions
            {
                Stage = "meter",
                InputTopic = MeterProcessor.InputTopic,
                CreateProcessor = partition => new MeterProcessor(partition, meter),
                WaitAsync = schemas.ResolvePendingAsync,
                CommitInterval = settings.Run.CommitInterval,
                SnapshotFolder = Path.Combine(settings.Run.DataDirectory, "snapshots"),
            }, loggers, time),
        };
        await host.StartPartsAsync(registry, schemaIds[TopicCatalogue.Prices], wait, loggers, time, cancellationToken);
        return host;
    }

    private static IStageHost HostOf(MeterHost host, KafkaSettings kafka, TaskOptions options, ILoggerFactory loggers, TimeProvider time) => host switch
    {
        MeterHost.Streamiz => new StreamizStage(kafka, options, loggers, time),
        _ => new TransactionalStage(kafka, options, loggers.CreateLogger<TransactionalStage>(), time),
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var task in _tasks)
            await task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default); // Failed has told of its error
        _stop.Dispose();
    }

    private async Task StartPartsAsync(RegistryConnection registry, int priceSchemaId, ServiceWait wait, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        var table = new TopicTable<Price>(Kafka, TopicCatalogue.Prices, registry, loggers, time);
        var prices = new PriceTopic(Kafka, table, loggers.CreateLogger<PriceTopic>(), time);
        Run(table.RunAsync(_stop.Token));
        Run(Reports.RunAsync(wait, _stop.Token));
        await wait.ForAsync(registry.Description, RegistryConnection.IsAway, async () =>
        {
            await prices.FillIfEmptyAsync(priceSchemaId, cancellationToken);
            Meter.Prices = await prices.ReadAsync(cancellationToken);
            return true;
        }, cancellationToken);
        Run(prices.FollowAsync(wait, registry.Description, async book =>
        {
            Meter.Prices = book;
            await wait.ForAsync("ClickHouse, " + Ledger.Description, static error => error is LedgerException, async () =>
            {
                await LedgerPrices.WriteAsync(Ledger, book, _stop.Token);
                return true;
            }, _stop.Token);
        }, _stop.Token));
        Run(MeterStage.RunAsync(_stop.Token)); // R22: not before the prices are read
        Run(SinkStage.RunAsync(_stop.Token));
        Failed = FirstFailureAsync();
    }

    private void Run(Task task) => _tasks.Add(task);

    /// <summary>Completes, with the error, when a part ends before it was told to.</summary>
    private async Task FirstFailureAsync()
    {
        var ended = await Task.WhenAny(_tasks);
        if (!_stop.IsCancellationRequested)
            await ended;
    }

    private static async Task<Dictionary<string, int>> RegisterAsync(KafkaSettings kafka, RegistryConnection registry, ServiceWait wait, CancellationToken cancellationToken)
    {
        (string Topic, string Schema)[] all =
        [
            (TopicCatalogue.TokenEvents, TokenEvent.SchemaJson), (TopicCatalogue.SourceReports, SourceReport.SchemaJson),
            (TopicCatalogue.DeadLetters, DeadLetter.SchemaJson), (TopicCatalogue.Prices, Price.SchemaJson), (TopicCatalogue.UsageDeltas, UsageDelta.SchemaJson),
            (TopicCatalogue.Signals, Signal.SchemaJson),
        ];
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (topic, schema) in all)
            ids[topic] = await wait.ForAsync(registry.Description, RegistryConnection.IsAway, () => registry.RegisterAsync(kafka.Topic(topic), schema, cancellationToken), cancellationToken);
        return ids;
    }

    private static Task<LedgerOrigin> PrepareLedgerAsync(bool adopt, KafkaSettings kafka, TopicSetupResult topics, ILedger ledger, ServiceWait wait, TimeProvider time, CancellationToken cancellationToken) =>
        wait.ForAsync("ClickHouse, " + ledger.Description, static error => error is LedgerException { IsTransient: true }, async () =>
        {
            try
            {
                await new Migrator(ledger, time).ApplyAsync(cancellationToken);
                var topicId = topics.TopicIds[TopicCatalogue.MeteredBlocks];
                var number = await new LedgerOrigins(ledger, time).ClaimAsync(topics.ClusterId, kafka.Topic(MeteredBlock.Topic), topicId, adopt, cancellationToken);
                return new LedgerOrigin(topics.ClusterId, topicId, number);
            }
            catch (InvalidOperationException error) // a person must decide; the message says what
            {
                throw new CommandFailedException(error.Message, error);
            }
        }, cancellationToken);
}
