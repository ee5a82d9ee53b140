using Confluent.Kafka;
using Metering.Kafka.Tasks;
using Metering.Streamiz.Clients;
using Microsoft.Extensions.Logging;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Streamiz.Tasks;

/// <summary>
/// What the parts that Streamiz calls share in one run: its tasks, and whether it still may commit. The first failure ends
/// the run: from then on nothing is taken, sent or committed (R11). Stream thread only, but for what says otherwise.
/// </summary>
internal sealed class HostSession(KafkaSettings settings, TaskOptions options, HostProgress progress, ILogger logger, TimeProvider time, CancellationToken stop) : IDisposable
{
    private readonly Dictionary<int, TaskStart> _starts = [];
    private readonly Dictionary<int, HostedTask> _tasks = [];
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _ended = new();
    private Exception? _failure;
    private GuardedConsumer _consumer = null!;
    private GuardedProducer _producer = null!;
    private StageContext _context = null!;

    /// <summary>Where a partition's input begins.</summary>
    /// <param name="Committed">The group's stable offset; null when it has none.</param>
    internal sealed record TaskStart(long? Committed, long Offset);

    public KafkaSettings Settings => settings;

    public TaskOptions Options => options;

    public HostProgress Progress => progress;

    public ILogger Logger => logger;

    public TimeProvider Time => time;

    /// <summary>The owner wants an end: what is processed is still committed.</summary>
    public CancellationToken Stop => stop;

    public string Group => settings.TopicPrefix + StageContext.GroupName(options.Stage);

    public string InputTopic { get; } = settings.Topic(options.InputTopic);

    public string MemberId => _consumer.MemberId;

    public GuardedProducer Producer => _producer;

    /// <summary>What and where to make fail in tests.</summary>
    public Action<CommitPoint, int>? Fault { get; init; }

    /// <summary>Completes with the first failure. Any thread.</summary>
    public Task<Exception> Failed => _failed.Task;

    /// <summary>Any thread.</summary>
    public bool HasFailed => Volatile.Read(ref _failure) is not null;

    public void Dispose() => _ended.Dispose();

    public void JoinAs(GuardedConsumer consumer)
    {
        _consumer = consumer;
        _context = new(settings, options, consumer, logger, time) { Failed = e => Fail(e) };
    }

    public void SendBy(GuardedProducer producer) => _producer = producer;

    /// <summary>Any thread. Returns what was given, to be thrown.</summary>
    public Exception Fail(Exception e)
    {
        if (Interlocked.CompareExchange(ref _failure, e, null) is null)
        {
            _ended.Set();
            _failed.TrySetResult(e);
        }
        return e;
    }

    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
            throw new KafkaException(new Error(ErrorCode.Local_State, "this run has ended: " + failure.Message), failure);
    }

    /// <summary>False when the run has ended meanwhile.</summary>
    public bool Pause(TimeSpan duration) => !_ended.Wait(duration);

    public void Reach(CommitPoint point)
    {
        foreach (var partition in _tasks.Keys)
            Fault?.Invoke(point, partition);
    }

    public void BeginAt(int partition, TaskStart start) => _starts[partition] = start;

    public HostedTask Open(int partition, IStateChangelog changelog)
    {
        var task = new HostedTask(this, partition, _starts[partition].Offset, changelog);
        _tasks[partition] = task;
        return task;
    }

    public void Close(HostedTask task)
    {
        if (_tasks.TryGetValue(task.Partition, out var current) && current == task)
            _tasks.Remove(task.Partition);
    }

    public HostedTask Task(int partition) => _tasks[partition];

    /// <summary>Its changelog has been read: offsets and state must belong together (R8), then it runs.</summary>
    public void Restored(int partition)
    {
        if (HasFailed || !_tasks.TryGetValue(partition, out var task))
            return;
        try
        {
            var start = _starts[partition];
            var position = TaskPosition.Decide(_context, new(InputTopic, partition), start.Committed, task.SavedPosition);
            if (position != start.Offset)
                throw Failures.Kafka(ErrorCode.OffsetOutOfRange, $"partition {partition} began at {start.Offset} while its records were deleted");
            task.Run();
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    public Exception OutOfRange(TopicPartition source, string reason) =>
        Fail(TaskPosition.OutOfRange(_context, source, _tasks.TryGetValue(source.Partition.Value, out var task) ? task.Position : -1, reason));

    public void Fetched(int partition, long offset)
    {
        if (_tasks.TryGetValue(partition, out var task))
            task.Fetched(offset);
    }

    public void AtEnd(int partition, long endOffset)
    {
        if (_tasks.TryGetValue(partition, out var task))
            task.AtEnd(endOffset);
    }

    /// <summary>Given back; after a failure they are only on their way into the next run.</summary>
    public void Revoked(List<TopicPartitionOffset> partitions)
    {
        if (HasFailed)
            return;
        foreach (var source in partitions)
            progress.Remove(source.Partition.Value);
    }

    /// <summary>The positions that what was sent in this transaction belongs to, each one also in its changelog; empty when
    /// nothing was sent.</summary>
    /// <param name="offsets">Streamiz's: their tasks must have sent all they took.</param>
    public List<TopicPartitionOffset> PositionsToCommit(IEnumerable<TopicPartitionOffset> offsets)
    {
        foreach (var offset in offsets)
        {
            if (!_tasks.TryGetValue(offset.Partition.Value, out var task) || task.IsDirty)
                throw new InvalidOperationException($"Streamiz commits {offset} before its task has sent what belongs to it");
        }
        var positions = new List<TopicPartitionOffset>(_tasks.Count);
        foreach (var task in _tasks.Values)
        {
            if (task.HasSent)
                positions.Add(new(InputTopic, task.Partition, task.SentPosition));
        }
        return positions;
    }

    public void Committed()
    {
        foreach (var task in _tasks.Values)
            task.Committed();
    }
}
