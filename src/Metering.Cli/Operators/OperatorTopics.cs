using Confluent.SchemaRegistry;
using Metering.Cli.Commands;
using Metering.Cli.Hosting;
using Metering.Client.Policies;
using Metering.Core.Keys;
using Metering.Core.Policies;
using Metering.Events;
using Metering.Kafka;
using Metering.Kafka.Topics;
using Metering.Pipeline.Meter;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Cli.Operators;

/// <summary>The small topics that operators write, as one command sees them. A service that does not answer ends the command.</summary>
internal sealed class OperatorTopics : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CommandContext _context;
    private readonly RegistryConnection _registry;

    private OperatorTopics(CommandContext context, Metering.Kafka.KafkaSettings kafka, RegistryConnection registry) => (_context, Kafka, _registry) = (context, kafka, registry);

    public Metering.Kafka.KafkaSettings Kafka { get; }

    /// <summary>Finds Kafka and the topics; those that are missing are made, so that keys and policies can be there before the first
    /// pipeline is.</summary>
    public static async Task<OperatorTopics> OpenAsync(CommandContext context, string command, CancellationToken cancellationToken)
    {
        var kafka = Connections.Kafka(context.Settings, command);
        Connections.CheckKafka(kafka);
        var options = new TopicSetupOptions
        {
            Replication = context.Settings.Kafka.Replication,
            Topics = [TopicCatalogue.Find(TopicCatalogue.Policies), TopicCatalogue.Find(TopicCatalogue.Keys), TopicCatalogue.Find(TopicCatalogue.Prices)],
            Timeout = Patience,
        };
        try
        {
            await TopicSetup.EnsureAsync(kafka, options, context.Loggers.CreateLogger("Topics"), context.Time, cancellationToken);
        }
        catch (KafkaUnavailableException error)
        {
            throw new ServiceUnreachableException("Kafka", kafka.Brokers, error.Message, "check --brokers", error);
        }
        catch (KafkaSetupException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
        return new OperatorTopics(context, kafka, new RegistryConnection(context.Settings.RegistryOrLocal));
    }

    /// <summary>The policies that are applied, by name.</summary>
    public Task<IReadOnlyDictionary<string, Policy>> PoliciesAsync(CancellationToken cancellationToken) => ReadAsync<Metering.Events.Policy, IReadOnlyDictionary<string, Policy>>(
        TopicCatalogue.Policies, (table, stop) => new PolicyTopic(table, _context.Loggers.CreateLogger<PolicyTopic>(), _context.Time).PoliciesAsync(stop), cancellationToken);

    public Task<KeyBook> KeysAsync(CancellationToken cancellationToken) => ReadAsync<GatewayKey, KeyBook>(
        TopicCatalogue.Keys, (table, stop) => new KeyTopic(table, _context.Loggers.CreateLogger<KeyTopic>(), _context.Time).ReadAsync(stop), cancellationToken);

    /// <summary>The keys of a topic's records, good or bad: models of <c>prices</c>, names of <c>policies</c>.</summary>
    public Task<IReadOnlyCollection<string>> NamesAsync<TRecord>(string topic, CancellationToken cancellationToken)
        where TRecord : class, IAvroRecord<TRecord>, new() =>
        ReadAsync<TRecord, IReadOnlyCollection<string>>(topic, static (table, _) => Task.FromResult(table.Keys), cancellationToken);

    /// <summary>The id of a topic's schema, registered if it is new.</summary>
    public async Task<int> RegisterAsync(string topic, string schemaJson, CancellationToken cancellationToken)
    {
        try
        {
            return await _registry.RegisterAsync(Kafka.Topic(topic), schemaJson, cancellationToken);
        }
        catch (Exception error) when (RegistryConnection.IsAway(error) && !cancellationToken.IsCancellationRequested)
        {
            throw new ServiceUnreachableException("The schema registry", _context.Settings.RegistryOrLocal.ToString(), error.Message, "check --registry", error);
        }
        catch (SchemaRegistryException error)
        {
            throw new CommandFailedException($"the schema registry refuses the schema of {Kafka.Topic(topic)}: {error.Message}", error);
        }
    }

    /// <summary>What a change of a topic is written by.</summary>
    public TopicChange ChangeOf(string topic) => new(Kafka, topic, _context.Time);

    public void Dispose() => _registry.Dispose();

    private async Task<TResult> ReadAsync<TRecord, TResult>(string topic, Func<TopicTable<TRecord>, CancellationToken, Task<TResult>> read, CancellationToken cancellationToken)
        where TRecord : class, IAvroRecord<TRecord>, new()
    {
        // A table tells when it is read: news in a role's log, noise beside a command's few lines.
        var table = new TopicTable<TRecord>(Kafka, topic, _registry, NullLoggerFactory.Instance, _context.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = table.RunAsync(stop.Token);
        try
        {
            await table.ReadToEndAsync(cancellationToken).WaitAsync(Patience, _context.Time, cancellationToken);
            return await read(table, cancellationToken);
        }
        catch (TimeoutException error)
        {
            throw new ServiceUnreachableException("Kafka", Kafka.Brokers, $"topic {Kafka.Topic(topic)} could not be read to its end within {Patience.TotalSeconds} s", "check --brokers", error);
        }
        catch (SchemaSourceAwayException error)
        {
            throw new ServiceUnreachableException("The schema registry", _context.Settings.RegistryOrLocal.ToString(), error.Message, "check --registry", error);
        }
        finally
        {
            await stop.CancelAsync();
            await reading;
        }
    }
}
