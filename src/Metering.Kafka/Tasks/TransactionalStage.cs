using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Runs a stage's tasks in this process, exactly once: a member of the stage's consumer group, a task with a thread and a
/// transactional producer for each partition that the group gives it. <see cref="RunAsync"/> is the owner's handle on all
/// of it: it ends when cancelled, after the tasks have committed what they processed, and fails when a task met something
/// impossible. Input and changelog topic must exist with the same partition count (<see cref="Topics.TopicSetup"/>).
/// </summary>
public sealed class TransactionalStage : IStageHost
{
    private readonly KafkaSettings _settings;
    private readonly TaskOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private volatile StageLoop? _loop;
    private int _runs;

    /// <exception cref="ArgumentException">The stage's name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The commit interval is not 1 ms to 5 s.</exception>
    public TransactionalStage(KafkaSettings settings, TaskOptions options, ILogger<TransactionalStage> logger, TimeProvider time)
    {
        StageContext.Check(options);
        (_settings, _options, _logger, _time) = (settings, options, logger, time);
    }

    /// <summary>Makes commits fail in tests: called at each point of each commit with the partition.</summary>
    internal Action<CommitPoint, int>? Fault { get; init; }

    /// <summary>The tasks as they are now; safe from any thread.</summary>
    public StageStatus Status => _loop?.Status() ?? new(_options.Stage, HasJoined: false, []);

    /// <summary>Runs until cancelled. Call it once.</summary>
    /// <exception cref="FencedMemberException">Another process is this static member now.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _runs, 1) != 0)
            throw new InvalidOperationException("This stage runs already.");
        var group = StageContext.GroupName(_options.Stage);
        await StaticMember.RunAsync(_settings, _settings.Topic(group), _settings.Topic(_options.InputTopic), _settings.Topic(group + "-changelog"), () => RunOnceAsync(cancellationToken), _logger, _time, cancellationToken);
    }

    private async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var loop = new StageLoop(_settings, _options, _logger, _time, Fault, stop.Token);
        _loop = loop;
        loop.Start();
        var watermarks = new WatermarkWatch(() => new DependentAdminClientBuilder(loop.Handle).Build(), _settings.Topic(_options.InputTopic), _logger, _time).RunAsync(loop.Progress, stop.Token);
        try
        {
            await Task.WhenAny(loop.Ended, watermarks);
        }
        finally
        {
            await stop.CancelAsync();
            try
            {
                await Task.WhenAll(loop.Ended, watermarks);
            }
            finally
            {
                loop.Dispose();
            }
        }
    }
}
