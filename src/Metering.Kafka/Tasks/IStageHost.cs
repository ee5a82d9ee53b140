namespace Metering.Kafka.Tasks;

/// <summary>Runs a stage's tasks in this process, exactly once: our own loop (<see cref="TransactionalStage"/>), or another
/// library that hosts the same processors.</summary>
public interface IStageHost
{
    /// <summary>The tasks as they are now; safe from any thread.</summary>
    StageStatus Status { get; }

    /// <summary>Runs until cancelled; fails when a task met something impossible. Call it once.</summary>
    Task RunAsync(CancellationToken cancellationToken);
}
