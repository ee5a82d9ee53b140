using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;
using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.Core.Policies;
using Metering.Events;
using Policy = Metering.Events.Policy;
using Metering.Kafka.Tasks;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Govern;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Meter.Losses;
using Metering.Pipeline.Sink;
using Metering.Streamiz;
using Microsoft.Extensions.Logging;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Cli.Hosting;

/// <summary>
/// METER, GOVERN and SINK, or some of them, in one process, wired to Kafka, the registry and the ledger. Starting goes step by step and waits for
/// each service; running goes on until it is stopped, or until something impossible happens.
/// </summary>
internal sealed class PipelineHost : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];

    public required KafkaSettings Kafka { get; init; }

    public required ILedger Ledger { get; init; }

    /// <summary>Null in a process without METER.</summary>
    public MeterPart? Meter { get; private init; }

    /// <summary>Null in a process without GOVERN.</summary>
    public GovernPart? Govern { get; private init; }

    /// <summary>Null in a process without SINK.</summary>
    public SinkPart? Sink { get; private init; }

    public required ReportTopic Reports { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Ends when one of the parts has failed; the process should then stop.</summary>
    public Task Failed { get; private set; } = Task.CompletedTask;

    /// <summary>Every stage of this process has its share of the partitions and can take traffic.</summary>
    public bool IsReady => Meter is null or { Stage.Status.IsReady: true } && Govern is null or { Stage.Status.IsReady: true } && Sink is null or { Stage.HasJoined: true };

    public static async Task<PipelineHost> StartAsync(
        MeteringSettings settings, KafkaSettings kafka, RegistryConnection registry, ILedger ledger, bool adopt, ServiceWait wait, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        var topics = await TopicSetup.EnsureAsync(kafka, new TopicSetupOptions { Partitions = settings.Kafka.Partitions, Replication = settings.Kafka.Replication }, loggers.CreateLogger("Topics"), time, cancellationToken);
        var schemaIds = await RegisterAsync(kafka, registry, wait, cancellationToken);
        var stages = settings.Run.Stages;
        // METER alone goes on while the ledger is away: nothing of it is asked for.
        var origin = stages.HasFlag(Stages.Sink) ? await PrepareLedgerAsync(adopt, kafka, topics, ledger, wait, time, cancellationToken) : null;
        var meter = stages.HasFlag(Stages.Meter) ? MeterOf(settings.Run, kafka, topics.Partitions, schemaIds, registry, loggers, time) : null;
        var host = new PipelineHost
        {
            Kafka = kafka,
            Ledger = ledger,
            Time = time,
            Reports = new ReportTopic(kafka, registry, meter?.Context.Reports ?? new ReportBook(topics.Partitions), loggers, time),
            Sink = origin is null ? null : new SinkPart(origin, new SinkStage(kafka, origin, new SinkOptions { SessionTimeout = kafka.SessionTimeout }, ledger, time, loggers.CreateLogger<SinkStage>())),
            Meter = meter,
            Govern = stages.HasFlag(Stages.Govern) ? GovernOf(settings.Run, kafka, schemaIds, registry, loggers, time) : null,
        };
        try
        {
            await host.StartPartsAsync(registry, schemaIds[TopicCatalogue.Prices], wait, loggers, time, cancellationToken);
            return host;
        }
        catch
        {
            // Parts that run already end here: a process that exits while a client's threads are at work may crash.
            await host.DisposeAsync();
            throw;
        }
    }

    private static MeterPart MeterOf(RunSettings run, KafkaSettings kafka, int partitions, Dictionary<string, int> schemaIds, RegistryConnection registry, ILoggerFactory loggers, TimeProvider time)
    {
        var schemas = new SchemaBook(registry, time, loggers.CreateLogger<SchemaBook>());
        var meter = new MeterContext { Partitions = partitions, Schemas = schemas, DeadLetterSchemaId = schemaIds[TopicCatalogue.DeadLetters], UsageDeltaSchemaId = schemaIds[TopicCatalogue.UsageDeltas], SignalSchemaId = schemaIds[TopicCatalogue.Signals], LossGrace = run.LossGrace, TopicPrefix = kafka.TopicPrefix };
        return new MeterPart(meter, HostOf(run.MeterHost, kafka, new TaskOptions
        {
            Stage = "meter",
            InputTopic = MeterProcessor.InputTopic,
            CreateProcessor = partition => new MeterProcessor(partition, meter),
            WaitAsync = schemas.ResolvePendingAsync,
            CommitInterval = run.CommitInterval,
            SnapshotFolder = Path.Combine(run.DataDirectory, "snapshots"),
        }, loggers, time));
    }

    private static GovernPart GovernOf(RunSettings run, KafkaSettings kafka, Dictionary<string, int> schemaIds, RegistryConnection registry, ILoggerFactory loggers, TimeProvider time)
    {
        var deltas = new SchemaBook(registry, time, loggers.CreateLogger<SchemaBook>(), UsageDelta.SchemaJson, nameof(UsageDelta));
        var govern = new GovernContext { DeltaSchemas = deltas, LeaseSchemas = new SchemaBook(registry, time, loggers.CreateLogger<SchemaBook>(), LeaseRequest.SchemaJson, nameof(LeaseRequest)), DecisionSchemaId = schemaIds[TopicCatalogue.Control], SignalSchemaId = schemaIds[TopicCatalogue.Signals] };
        // Asked for before it is needed: the first request of all would be left out.
        _ = govern.LeaseSchemas.Find(schemaIds[TopicCatalogue.LeaseRequests]);
        return new GovernPart(govern, new TransactionalStage(kafka, new TaskOptions
        {
            Stage = "govern",
            InputTopic = GovernProcessor.InputTopic,
            SideTopics = [TopicCatalogue.LeaseRequests],
            CreateProcessor = partition => new GovernProcessor(partition, govern),
            WaitAsync = deltas.ResolvePendingAsync,
            CommitInterval = run.CommitInterval,
        }, loggers.CreateLogger<TransactionalStage>(), time));
    }

    private static IStageHost HostOf(MeterHost host, KafkaSettings kafka, TaskOptions options, ILoggerFactory loggers, TimeProvider time) => host switch
    {
        // A dynamic member: a run of Streamiz that ends is followed by another in the same process, which a static one would fence.
        MeterHost.Streamiz => new StreamizStage(kafka with { GroupInstance = null }, options, loggers, time),
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
        if (Meter is not null || Govern is not null)
            await StartPoliciesAsync(registry, wait, loggers, time, cancellationToken);
        await wait.ForAsync(registry.Description, RegistryConnection.IsAway, async () =>
        {
            await prices.FillIfEmptyAsync(priceSchemaId, cancellationToken);
            var book = await prices.ReadAsync(cancellationToken);
            if (Meter is not null)
                Meter.Context.Prices = book;
            return true;
        }, cancellationToken);
        Run(prices.FollowAsync(wait, registry.Description, async book =>
        {
            if (Meter is not null)
                Meter.Context.Prices = book;
            if (Sink is null)
                return; // the ledger is SINK's
            await wait.ForAsync("ClickHouse, " + Ledger.Description, static error => error is LedgerException, async () =>
            {
                await LedgerPrices.WriteAsync(Ledger, book, _stop.Token);
                return true;
            }, _stop.Token);
        }, _stop.Token));
        // R22: not before prices and policies are read.
        if (Meter is not null)
            Run(Meter.Stage.RunAsync(_stop.Token));
        if (Govern is not null)
        {
            Run(Govern.Stage.RunAsync(_stop.Token));
            Run(ResolveAsync(Govern.Context.LeaseSchemas, time));
        }
        if (Sink is not null)
            Run(Sink.Stage.RunAsync(_stop.Token));
        Failed = FirstFailureAsync();
    }

    // A lease request is left out until its schema is known, and holds nobody: it is said again.
    private async Task ResolveAsync(SchemaBook schemas, TimeProvider time)
    {
        while (!_stop.IsCancellationRequested)
        {
            await schemas.ResolvePendingAsync(_stop.Token);
            await Task.Delay(TimeSpan.FromMilliseconds(250), time, _stop.Token);
        }
    }

    private async Task StartPoliciesAsync(RegistryConnection registry, ServiceWait wait, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        var table = new TopicTable<Policy>(Kafka, TopicCatalogue.Policies, registry, loggers, time);
        var policies = new PolicyTopic(table, loggers.CreateLogger<PolicyTopic>(), time);
        Run(table.RunAsync(_stop.Token));
        await policies.ReadToEndAsync(cancellationToken);
        Take(await wait.ForAsync(registry.Description, RegistryConnection.IsAway, () => policies.ReadAsync(cancellationToken), cancellationToken));
        Run(policies.FollowAsync(wait, registry.Description, matcher =>
        {
            Take(matcher);
            return Task.CompletedTask;
        }, _stop.Token));
    }

    private void Take(PolicyMatcher policies)
    {
        if (Meter is not null)
            Meter.Context.Policies = policies;
        if (Govern is not null)
            Govern.Context.Policies = policies;
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
            (TopicCatalogue.Signals, Signal.SchemaJson), (TopicCatalogue.Policies, Policy.SchemaJson), (TopicCatalogue.Keys, GatewayKey.SchemaJson),
            (TopicCatalogue.Control, Decision.SchemaJson), (TopicCatalogue.LeaseRequests, LeaseRequest.SchemaJson),
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

/// <summary>METER in this process.</summary>
internal sealed record MeterPart(MeterContext Context, IStageHost Stage)
{
    public IReadOnlyList<Metering.Kafka.Tasks.TaskStatus> Tasks => Stage.Status.Tasks;
}

/// <summary>GOVERN in this process.</summary>
internal sealed record GovernPart(GovernContext Context, IStageHost Stage)
{
    public IReadOnlyList<Metering.Kafka.Tasks.TaskStatus> Tasks => Stage.Status.Tasks;
}

/// <summary>SINK in this process.</summary>
/// <param name="Origin">What its rows are known by in the ledger (R18).</param>
internal sealed record SinkPart(LedgerOrigin Origin, SinkStage Stage);
