using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Streamiz.Tasks;
using Microsoft.Extensions.Logging;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Streamiz;

/// <summary>
/// Runs a stage's processors inside Streamiz.Kafka.Net, exactly once. It serves the same group, offsets and changelog as
/// <see cref="TransactionalStage"/>, so that a fleet may change from one host to the other and back; at any time it runs
/// one of them, and the group refuses a member of the other. Differences that a user sees: one thread for all partitions of a
/// process, so that one that waits or stops holds the others too (R14); after a kill, up to a transaction timeout more until the
/// next owner runs; garbage for every record. docs/adr/0002 tells what was found, and what guards what.
/// </summary>
public sealed partial class StreamizStage : IStageHost
{
    private readonly KafkaSettings _settings;
    private readonly TaskOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly HostProgress _progress;

    /// <exception cref="ArgumentException">The stage's name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The commit interval is not 1 ms to 5 s.</exception>
    public StreamizStage(KafkaSettings settings, TaskOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        StageContext.Check(options);
        (_settings, _options, _loggers, _time) = (settings, options, loggers, time);
        _logger = loggers.CreateLogger<StreamizStage>();
        _progress = new(options.Stage, time);
    }

    /// <summary>Makes commits fail in tests: called at each point of each commit with the partition.</summary>
    internal Action<CommitPoint, int>? Fault { get; init; }

    public StageStatus Status => _progress.Status;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watermarks = new WatermarkWatch(() => new AdminClientBuilder(_settings.Admin()).SetLogHandler((_, _) => { }).Build(), _settings.Topic(_options.InputTopic), _logger, _time)
            .RunAsync(_progress.Tasks, stop.Token);
        var runs = RunAgainAndAgainAsync(stop.Token);
        await Task.WhenAny(runs, watermarks);
        await stop.CancelAsync();
        await Task.WhenAll(runs, watermarks);
    }

    private async Task RunAgainAndAgainAsync(CancellationToken stop)
    {
        var failures = 0;
        var begun = _time.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            var started = _time.GetTimestamp();
            using var session = new HostSession(_settings, _options, _progress, _logger, _time, stop) { Fault = Fault };
            if (!await StreamizRun.RunAsync(session, _loggers))
            {
                LogLeaked(_logger, _options.Stage);
                if (stop.IsCancellationRequested)
                    return;
                throw new InvalidOperationException($"the stream thread of {_options.Stage} did not end: there is no way to go on in this process");
            }
            if (!session.HasFailed)
                return;
            var failure = await session.Failed;
            if (failure is ProcessorFailedException)
                throw new InvalidOperationException(failure.Message, failure);
            if (failure is TaskStoppedException || (failure is OtherHostException && _time.GetElapsedTime(begun) > TaskFailures.OtherHostPatience(_settings)))
            {
                LogStopped(_logger, failure.Message);
                _progress.Stopped(failure.Message);
                await UntilAsync(Timeout.InfiniteTimeSpan, stop);
                return;
            }
            LogRebuild(_logger, _options.Stage, failure.Message);
            _progress.Rebuilding(failure.Message);
            failures = _time.GetElapsedTime(started) > TimeSpan.FromMinutes(1) ? 0 : failures + 1;
            await UntilAsync(Backoff(failures), stop);
        }
    }

    private async Task UntilAsync(TimeSpan time, CancellationToken stop)
    {
        try
        {
            await Task.Delay(time, _time, stop);
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }

    // 100 ms, doubling to 5 s, each with as much again of jitter.
    private static TimeSpan Backoff(int failures) =>
        TimeSpan.FromMilliseconds(Math.Min(100 << Math.Min(failures, 10), 5_000) * (0.5 + Random.Shared.NextDouble()));

    [LoggerMessage(2501, LogLevel.Error, "{Reason}")]
    private static partial void LogStopped(ILogger logger, string reason);

    [LoggerMessage(2503, LogLevel.Error, "the stream thread of {Stage} did not end in time; its clients are left to the end of the process")]
    private static partial void LogLeaked(ILogger logger, string stage);

    [LoggerMessage(2502, LogLevel.Warning, "{Stage} lost its run of Streamiz and is rebuilt: {Reason}")]
    private static partial void LogRebuild(ILogger logger, string stage, string reason);
}
