using System.Collections.Concurrent;
using Metering.Kafka.Tasks;

namespace Metering.Streamiz.Tasks;

/// <summary>The tasks' figures over all runs of a stage; read by anyone.</summary>
internal sealed class HostProgress(string stage, TimeProvider time)
{
    private readonly ConcurrentDictionary<int, TaskProgress> _tasks = new();
    private volatile bool _hasJoined;

    public StageStatus Status => new(stage, _hasJoined, [.. _tasks.ToArray().OrderBy(t => t.Key).Select(t => t.Value.Status)]);

    public IReadOnlyDictionary<int, TaskProgress> Tasks() => _tasks.ToArray().ToDictionary();

    public TaskProgress Of(int partition) => _tasks.GetOrAdd(partition, static (p, now) => new(p, now), time.GetUtcNow());

    public void Remove(int partition) => _tasks.TryRemove(partition, out _);

    /// <summary>The group's first answer to a run: what an earlier one had and this one has not is another process's.</summary>
    public void Joined(IReadOnlyCollection<int> partitions)
    {
        foreach (var gone in _tasks.Keys.Except(partitions))
            Remove(gone);
        _hasJoined = true;
    }

    public void Rebuilding(string reason)
    {
        foreach (var task in _tasks.Values)
            task.Rebuilding(reason);
    }

    public void Stopped(string reason)
    {
        _hasJoined = true;
        // Somebody must bear the reason, also when the first takeover failed.
        if (_tasks.IsEmpty)
            Of(0);
        foreach (var task in _tasks.Values)
            task.Set(TaskState.Stopped, reason);
    }
}
