using Metering.Cli.Commands;
using Metering.Cli.Output;
using Metering.Client;
using Metering.Gateway.Hosting;
using Metering.Server;
using Metering.Server.Health;

namespace Metering.Cli.Hosting;

/// <summary>The life of a gateway process, from its start to its last line. It waits for no service: events go to the spool while
/// Kafka or the registry is away.</summary>
internal sealed class GatewayRole(CommandContext context)
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ServeAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCodes.Done; // told to stop in the middle of its start
        }
    }

    private async Task<int> ServeAsync(CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        var options = GatewaySetup.Options(settings);
        await using var publisher = await PublisherAsync();
        await using var governed = GatewaySetup.Governed(context, settings.RegistryOrLocal);
        await using var gateway = await GatewayServer.StartAsync(options, new GatewayParts
        {
            Keys = GatewaySetup.Keys(settings.Gateway, governed.Keys),
            Admission = governed.Admission,
            Journal = publisher,
            Former = GatewaySetup.Former(context, publisher, governed),
            Time = context.Time,
            Loggers = context.Loggers,
        }, cancellationToken);
        await using var server = await ServerHost.StartAsync(new ServerOptions
        {
            Port = settings.Ports.Server,
            Listen = settings.Ports.Listen,
            Readiness = [new GatewayReadiness(gateway)],
            Time = context.Time,
            Loggers = context.Loggers,
        }, cancellationToken);
        if (!await GatewaySetup.IsReadyAsync(gateway, context.Time, cancellationToken))
            return ExitCodes.Done; // told to stop while it waited for control
        context.Output.Ready(new ReadyAddresses { Kafka = settings.BrokersOrLocal, Registry = settings.RegistryOrLocal.ToString(), Server = server.Address, Gateway = gateway.Address });
        var figures = new LiveFiguresBuilder(context.Time);
        await TickAsync(publisher, gateway, figures, cancellationToken);
        await gateway.StopAsync(settings.Gateway.Drain);
        context.Output.Stopped(figures.Observe(Read(publisher, gateway)));
        return ExitCodes.Done;
    }

    private async Task<TokenEventPublisher> PublisherAsync()
    {
        var settings = context.Settings;
        try
        {
            return await TokenEventPublisher.StartAsync(new PublisherOptions
            {
                Brokers = settings.BrokersOrLocal,
                Registry = Connections.WithSecrets(settings.RegistryOrLocal),
                Source = settings.Run.Name ?? "gateway-" + Environment.MachineName,
                TopicPrefix = settings.Kafka.TopicPrefix,
                DataFolder = settings.Run.DataDirectory,
                KafkaConfig = settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
            }, context.Loggers, context.Time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private async Task TickAsync(TokenEventPublisher publisher, GatewayServer gateway, LiveFiguresBuilder figures, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TickEvery, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                context.Output.Tick(figures.Observe(Read(publisher, gateway)));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private static RunningTotals Read(TokenEventPublisher publisher, GatewayServer gateway)
    {
        var (events, totals) = (publisher.Stats, gateway.Totals);
        return new RunningTotals
        {
            Requests = totals.Requests,
            Active = gateway.Active,
            Published = events.Accepted,
            InFlight = events.SpooledEvents,
            InputTokens = totals.InputTokens,
            OutputTokens = totals.OutputTokens,
            WaitingFor = events.Trouble is { } trouble ? [trouble] : [],
        };
    }

    private sealed class GatewayReadiness(GatewayServer gateway) : IReadinessSource
    {
        public string Name => "gateway";

        public ReadinessReport Check(DateTimeOffset now) => new(gateway.NotReady);
    }
}
