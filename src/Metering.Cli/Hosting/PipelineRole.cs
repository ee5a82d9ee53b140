using Metering.Cli.Commands;
using Metering.Cli.Output;
using Metering.ClickHouse.Ledger;
using Metering.Server;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>The life of a process that runs METER, GOVERN, SINK or some of them, from its start to its last line: <c>up</c> and
/// <c>pipeline</c> differ only in what they bring along.</summary>
internal sealed class PipelineRole(CommandContext context, RegistryConnection registry, ILedger ledger, bool adopt)
{
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan SettleWithin = TimeSpan.FromSeconds(5);

    /// <summary>Why the process is not ready beside what the pipeline says; null = nothing.</summary>
    public Func<string?>? AlsoWaitsFor { get; init; }

    /// <summary>Told to people once it is ready.</summary>
    public string? Hint { get; init; }

    /// <param name="role">For client names: <c>up</c> or <c>pipeline</c>.</param>
    /// <param name="addresses">Of the parts that are there already.</param>
    /// <param name="beside">What else runs once the pipeline is ready, until it is told to stop.</param>
    public async Task<int> RunAsync(string role, ReadyAddresses addresses, Func<PipelineHost, CancellationToken, Task>? beside, CancellationToken cancellationToken)
    {
        var settings = context.Settings;
        var kafka = Connections.Kafka(settings, role);
        var wait = new ServiceWait(context.Loggers.CreateLogger<ServiceWait>(), context.Time);
        await using var pipeline = await StartAsync(kafka, wait, cancellationToken);
        if (pipeline is null)
            return ExitCodes.Done; // told to stop while it waited for a service
        PipelineMetrics.Register(pipeline);
        await using var server = await ServerHost.StartAsync(new ServerOptions
        {
            Port = settings.Ports.Server,
            Listen = settings.Ports.Listen,
            Readiness = PipelineReadiness.Of(pipeline),
            Time = context.Time,
            Loggers = context.Loggers,
        }, cancellationToken);
        if (!await IsReadyAsync(pipeline, cancellationToken))
            return ExitCodes.Done;
        context.Output.Ready(addresses with { Kafka = settings.BrokersOrLocal, Server = server.Address });
        if (Hint is not null)
            context.Output.Note(Hint);

        var live = new LiveLedger(pipeline, wait, context.Time);
        var figures = new LiveFiguresBuilder(context.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var besides = beside?.Invoke(pipeline, stop.Token) ?? Task.CompletedTask;
        var ticks = TickAsync(live, figures, stop.Token);
        await Task.WhenAny(pipeline.Failed, besides.ContinueWith(static t => t.IsFaulted ? t : Task.Delay(Timeout.Infinite, CancellationToken.None), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Unwrap(), ticks);
        await stop.CancelAsync();
        await Task.WhenAll(ticks, besides);
        if (pipeline.Failed.IsCompleted && !cancellationToken.IsCancellationRequested)
            await ToldAsync(pipeline.Failed);
        context.Output.Stopped(figures.Observe(await SettledAsync(pipeline, live, hasPublished: beside is not null)));
        return ExitCodes.Done;
    }

    private async Task<PipelineHost?> StartAsync(Metering.Kafka.KafkaSettings kafka, ServiceWait wait, CancellationToken cancellationToken)
    {
        try
        {
            return await PipelineHost.StartAsync(context.Settings, kafka, registry, ledger, adopt, wait, context.Loggers, context.Time, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Metering.Kafka.KafkaSetupException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    private async Task<bool> IsReadyAsync(PipelineHost pipeline, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (pipeline.Failed.IsCompleted)
                await ToldAsync(pipeline.Failed);
            if (pipeline.IsReady && AlsoWaitsFor?.Invoke() is null)
                return true;
            await Task.Delay(LookEvery, context.Time, CancellationToken.None);
        }
        return false;
    }

    /// <summary>What a person can mend ends the process with a sentence; anything else is a fault of ours, and ends it with all that is known.</summary>
    private static async Task ToldAsync(Task failed)
    {
        try
        {
            await failed;
        }
        catch (Metering.Kafka.KafkaSetupException error)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    /// <summary>The totals once what was published here is in the ledger, or after a few seconds as they are.</summary>
    private async Task<RunningTotals> SettledAsync(PipelineHost pipeline, LiveLedger live, bool hasPublished)
    {
        var started = context.Time.GetTimestamp();
        // What was published last is known by the closing report, once that has been read.
        var stoppedAt = context.Time.GetUtcNow();
        var totals = new RunningTotals();
        using var limit = new CancellationTokenSource(SettleWithin, context.Time);
        while (true)
        {
            try
            {
                totals = await live.ReadAsync(limit.Token);
            }
            catch (OperationCanceledException) // a ledger that takes the question and does not answer
            {
                return totals;
            }
            if ((totals.InFlight == 0 && (!hasPublished || pipeline.Reports.CaughtUpAt >= stoppedAt)) || context.Time.GetElapsedTime(started) > SettleWithin)
                return totals;
            await Task.Delay(LookEvery * 5, context.Time, CancellationToken.None);
        }
    }

    private async Task TickAsync(LiveLedger live, LiveFiguresBuilder figures, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TickEvery, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                context.Output.Tick(figures.Observe(await live.ReadAsync(cancellationToken)));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }
}
