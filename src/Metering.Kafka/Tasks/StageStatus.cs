namespace Metering.Kafka.Tasks;

/// <summary>What a task is doing.</summary>
public enum TaskState
{
    /// <summary>Taking over: fencing its predecessor, reading its changelog.</summary>
    Restoring,

    Running,

    /// <summary>Its processor waits for something (R16); its partition holds.</summary>
    Waiting,

    /// <summary>It cannot go on; <see cref="TaskStatus.Reason"/> says why and what to do.</summary>
    Stopped,
}

/// <summary>One task as it was a moment ago.</summary>
/// <param name="Reason">Why it waits, is being rebuilt or has stopped; null when it runs.</param>
/// <param name="Position">The next input offset after the last commit; -1 before the first.</param>
/// <param name="HighWatermark">Of the input partition (R14); -1 while unknown.</param>
/// <param name="LastProgress">When it last committed, or had nothing to do.</param>
/// <param name="Records">Input records committed by this process.</param>
/// <param name="Transactions">Committed by this process.</param>
/// <param name="Rebuilds">How often it lost a transaction and was rebuilt from its changelog (R11).</param>
public sealed record TaskStatus(
    int Partition, TaskState State, string? Reason, long Position, long HighWatermark, DateTimeOffset LastProgress, long Records, long Transactions, long Rebuilds)
{
    /// <summary>When nothing was behind the high watermark for the last time; null before.</summary>
    public DateTimeOffset? CaughtUpAt { get; init; }

    /// <summary>A transaction of it is begun and not ended.</summary>
    public bool IsInTransaction { get; init; }

    /// <summary>Input records, control records among them, behind the high watermark; -1 while unknown.</summary>
    public long Lag => Position < 0 || HighWatermark < 0 ? -1 : Math.Max(0, HighWatermark - Position);
}

/// <summary>A stage's tasks in this process, for metrics and readiness.</summary>
/// <param name="Stage">Its name.</param>
/// <param name="HasJoined">The group has given it its share, which may be none.</param>
/// <param name="Tasks">By partition.</param>
public sealed record StageStatus(string Stage, bool HasJoined, IReadOnlyList<TaskStatus> Tasks)
{
    /// <summary>Every task of ours runs: traffic can be taken.</summary>
    public bool IsReady => HasJoined && Tasks.All(task => task.State == TaskState.Running);

    /// <summary>Progress, not liveness: no task that has work has gone longer than <paramref name="patience"/> without a commit.</summary>
    public bool MakesProgress(DateTimeOffset now, TimeSpan patience) =>
        HasJoined && Tasks.All(task => task.State != TaskState.Stopped && (task.Lag == 0 || now - task.LastProgress <= patience));
}
