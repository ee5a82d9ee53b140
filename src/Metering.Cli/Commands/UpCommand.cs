using System.CommandLine;
using Metering.Cli.Hosting;
using Metering.Cli.Output;
using Metering.Cli.Settings;
using Metering.Cli.Workload;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Http;
using Metering.ClickHouse.Ledger;
using Metering.Client;
using Metering.Registry.Service;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Commands;

/// <summary>Everything in one process: Kafka, ClickHouse and the registry embedded unless they are named, the pipeline, and a live workload.</summary>
public sealed class UpCommand : MeteringCommand
{
    private readonly Option<bool> _adopt = AdoptOption.Create();

    public UpCommand()
        : base("up", "Run everything on this machine; real services by --brokers, --registry, --clickhouse.",
            KnownSettings.Brokers, KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl, KnownSettings.Data, KnownSettings.Workload, KnownSettings.TopicPrefix, KnownSettings.GroupInstance,
            KnownSettings.Partitions, KnownSettings.KafkaPort, KnownSettings.KafkaDurability, KnownSettings.RegistryPort, KnownSettings.ClickHousePort, KnownSettings.ServerPort, KnownSettings.GatewayPort, KnownSettings.HostPort, KnownSettings.Upstream, KnownSettings.UpstreamKeyFile, KnownSettings.UpstreamIgnoresMaxTokens, KnownSettings.DemoKey, KnownSettings.CommitInterval, KnownSettings.MeterHost, KnownSettings.LossGrace, KnownSettings.For) =>
        Options.Add(_adopt);

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var folder = DataFolderLock.Take(context.Settings.Run.DataDirectory);
        // First, before the process has many threads: the engine's start rewrites its signal actions for a moment.
        await using var ledger = await LedgerOf(context.Settings, cancellationToken);
        await using var kafka = await UpKafka.StartAsync(context, cancellationToken);
        context = context with { Settings = MemberName.Of(kafka.Settings) };
        var settings = context.Settings;
        await using var clickHouse = ledger is EmbeddedLedger embedded
            ? await ListenAsync(KnownSettings.ClickHousePort.Flag, settings.Ports.ClickHouse, () => ClickHouseHttpServer.StartAsync(
                embedded.Engine, new ClickHouseHttpOptions { Port = settings.Ports.ClickHouse, Address = settings.Ports.Listen }, cancellationToken))
            : null;
        await using var registryServer = settings.RegistryUrl is null
            ? await ListenAsync(KnownSettings.RegistryPort.Flag, settings.Ports.Registry, () => RegistryServer.StartAsync(new RegistryOptions
            {
                Address = settings.Ports.Listen,
                Port = settings.Ports.Registry,
                DataDirectory = Path.Combine(settings.Run.DataDirectory, "registry"),
                LoggerFactory = context.Loggers,
            }, cancellationToken))
            : null;
        var registryUrl = registryServer is null ? settings.RegistryOrLocal : ServiceUrl.Local(registryServer.Url.Port);
        using var registry = new RegistryConnection(registryUrl);
        await using var gateway = await GatewayOf(context, registryUrl, cancellationToken);
        var addresses = new ReadyAddresses
        {
            Gateway = gateway.Address,
            Host = gateway.Host,
            Registry = registryUrl.ToString(),
            ClickHouse = clickHouse?.Url.ToString().TrimEnd('/') ?? settings.ClickHouseOrLocal.ToString(),
        };
        var role = new PipelineRole(context, registry, ledger, context.Parsed.GetValue(_adopt))
        {
            AlsoWaitsFor = () => gateway.NotReady,
            Hint = gateway.Hint(settings),
        };
        return await role.RunAsync("up", addresses, settings.Run.WorkloadEventsPerSecond == 0 ? null : (_, stop) => WorkAsync(context, registryUrl, stop), cancellationToken);
    }

    private static async Task<T> ListenAsync<T>(string flag, int port, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        catch (IOException error)
        {
            throw new CommandFailedException(FormattableString.Invariant(
                $"{flag} {port} cannot be listened on ({error.Message}); stop the program that holds it, or take another port (0 = any free one)."), error);
        }
    }

    private static async Task<UpGateway> GatewayOf(CommandContext context, ServiceUrl registryUrl, CancellationToken cancellationToken)
    {
        try
        {
            return await UpGateway.StartAsync(context, registryUrl, cancellationToken);
        }
        catch (Metering.Gateway.Hosting.GatewayStartException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private static async Task<ILedger> LedgerOf(MeteringSettings settings, CancellationToken cancellationToken)
    {
        if (settings.ClickHouseUrl is { } url)
            return new ServerLedger(Connections.WithSecrets(url));
        var directory = Path.Combine(settings.Run.DataDirectory, "clickhouse");
        try
        {
            return await EmbeddedLedger.StartAsync(new EmbeddedEngineOptions { Directory = directory }, cancellationToken);
        }
        catch (LedgerException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private static async Task WorkAsync(CommandContext context, ServiceUrl registry, CancellationToken stop)
    {
        var settings = context.Settings;
        var options = new PublisherOptions
        {
            Brokers = settings.BrokersOrLocal,
            Registry = Connections.WithSecrets(registry),
            Source = settings.Run.Name ?? "up-" + Environment.MachineName,
            TopicPrefix = settings.Kafka.TopicPrefix,
            DataFolder = settings.Run.DataDirectory,
            KafkaConfig = settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
        };
        await using var publisher = await TokenEventPublisher.StartAsync(options, context.Loggers, context.Time);
        var generator = new WorkloadGenerator((ulong)context.Time.GetUtcNow().Ticks, settings.Run.WorkloadEventsPerSecond);
        try
        {
            await new LiveWorkload(publisher, generator, context.Loggers.CreateLogger<LiveWorkload>(), context.Time).RunAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;
        }
    }
}
